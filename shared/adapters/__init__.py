"""The only place that knows boto3 and zeep."""

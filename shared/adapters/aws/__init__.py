"""S3, SQS, Lambda and Secrets Manager behind their ports."""

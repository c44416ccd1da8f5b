"""What vaxline does, one module per use case: the domain plus ports, no AWS, no SOAP."""

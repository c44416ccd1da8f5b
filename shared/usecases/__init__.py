"""The use cases, one module each: the domain plus ports, no AWS, no SOAP."""

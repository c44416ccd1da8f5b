"""SOAP over HTTP to an IIS, by CDC's WSDL."""

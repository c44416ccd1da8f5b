"""A simulated CT WiZ: a SOAP server with a registry behind it."""

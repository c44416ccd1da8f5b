"""Pure domain: model, ER7 codec, VXU builder, ACK reader, checks, lifecycle, fault catalogue. No AWS, SOAP, clock."""

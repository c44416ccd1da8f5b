"""The ports of the use cases, as Protocols. Adapters and the fakes of the tests implement them."""

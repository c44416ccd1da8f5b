"""What the use cases need from the world, as Protocols. Adapters and the fakes of the tests implement them."""

"""The template on a local AWS emulator: `make emulate`."""

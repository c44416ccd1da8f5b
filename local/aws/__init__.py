"""AWS on one machine: moto with our resources, and the engine that runs the functions as Lambda would."""

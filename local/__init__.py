"""Everything on one machine: moto as the cloud, a CT WiZ simulator, and the engine that plays Lambda."""

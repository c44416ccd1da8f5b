"""clinics.toml: schema, reading with every error named, and editing."""

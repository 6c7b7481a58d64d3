"""Stand-ins on loopback that speak the protocols of the providers of models, backed by the local ones."""

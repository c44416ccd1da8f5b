"""The AWS infrastructure: one construct per capability, one stack per stage.

From the rest of the project it imports only `shared.settings`, `shared.metrics` and `shared.alarms`.
"""

"""The organisation that people want, by the same pipe as resources: plan, review, approve, run, verify, rollback.

The rule: what is wanted stands in migration.yaml and nowhere else; what stands already is found and never made twice.
"""

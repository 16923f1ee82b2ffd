"""Move a company out of its single AWS account into an organisation, step by step, with proof and a way back."""

__version__ = "0.1.0"

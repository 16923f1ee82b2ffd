"""What the verbs do, imported by the command line only when one is called."""

"""What has to listen before anything speaks: a message to a topic without subscribers, or an event that no rule
matches, is lost. The rule: whatever starts something that may publish comes after these, in the same account."""

LISTENING = ("sns.subscription.create", "events.rule.listen")

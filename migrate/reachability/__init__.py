"""Who reaches whom over a network: proved from route tables, network ACLs, security groups and endpoints.

The rule: nothing here calls AWS. The same walk answers for legacy, for what a plan would make, and for what stands in
a target, so that the three can be compared. AWS's own analysis (ec2.StartNetworkInsightsAnalysis) is billed for each
path and needs the network to stand; this one is neither.
"""

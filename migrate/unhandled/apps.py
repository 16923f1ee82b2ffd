"""Applications, events, identities and builds: what no kind moves, and how a person moves it.

The rule: a text names only operations that exist: a test holds them to botocore's models (1.44.5). What it says of how
AWS behaves is remembered and unverified: a person reads the operation's page before they act.
"""

from migrate.unhandled.probe import Probe, probe

_ALARM = (
    "Make it in the target with its actions off (cloudwatch.PutMetricAlarm or cloudwatch.PutCompositeAlarm with "
    "ActionsEnabled=false) on the dimensions of the target's resources: load balancers and instances have new ones. "
    "At the cut-over switch them on (cloudwatch.EnableAlarmActions) and legacy's off (cloudwatch.DisableAlarmActions)."
)
_ALARM_SEEN = (
    "cloudwatch.DescribeAlarms in the target shows OK and not INSUFFICIENT_DATA; a test of it reaches a person"
)

PROBES: tuple[Probe, ...] = (
    probe(
        "apigateway:restapis",
        "apigateway.GetRestApis",
        "items[].id",
        "/restapis/{id}",
        of_nobody=True,
        manual="Export each stage with its extensions (apigateway.GetExport exportType=oas30, parameters "
        "extensions=integrations,authorizers), put the target's functions, VPC links and authorizers in, and import "
        "it there (apigateway.ImportRestApi, apigateway.CreateDeployment). Stage variables, logging, usage plans and "
        "API keys are made on their own (apigateway.UpdateStage, apigateway.CreateUsagePlan, "
        "apigateway.ImportApiKeys), and each function lets the new API in (lambda.AddPermission).",
        verify="a second export from the target differs only in ids and accounts, and each route answers as in legacy",
    ),
    probe(
        "apigateway:apis",
        "apigatewayv2.GetApis",
        "Items[].ApiId",
        "/apis/{id}",
        of_nobody=True,
        manual="An HTTP API: apigatewayv2.ExportApi with IncludeExtensions, put the target's integrations in, "
        "apigatewayv2.ImportApi there, then its stages (apigatewayv2.CreateStage). A WebSocket API has no export: make "
        "routes and integrations one by one (apigatewayv2.CreateRoute, apigatewayv2.CreateIntegration).",
        verify="apigatewayv2.GetRoutes shows the same routes on both sides, and each answers as in legacy",
    ),
    probe(
        "apigateway:domainnames",
        "apigateway.GetDomainNames",
        "items[].domainName",
        "/domainnames/{id}",
        of_nobody=True,
        manual="A custom domain name exists once in a region: get the certificate in the target first, then delete "
        "the name in legacy (apigateway.DeleteDomainName), make it in the target (apigateway.CreateDomainName, "
        "apigateway.CreateBasePathMapping) and turn the DNS record to its new target name. Plan minutes of downtime, "
        "or move clients to a new name before.",
        verify="apigateway.GetBasePathMappings in the target is as it was in legacy, and the name answers from there",
    ),
    probe(
        "appsync:apis",
        "appsync.ListGraphqlApis",
        "graphqlApis[].arn",
        manual="Read the schema (appsync.GetIntrospectionSchema format=SDL), make the API in the target "
        "(appsync.CreateGraphqlApi, appsync.StartSchemaCreation), then data sources, functions and resolvers "
        "(appsync.CreateDataSource, appsync.CreateFunction, appsync.CreateResolver). API keys and the URL are new.",
        verify="appsync.GetIntrospectionSchema gives the same on both sides, and the clients' queries answer",
    ),
    probe(
        "cognito-idp:userpool",
        "cognito-idp.ListUserPools",
        "UserPools[].Id",
        "userpool/{id}",
        params={"MaxResults": 60},
        manual="Nobody can read the passwords. Make the pool in the target (cognito-idp.DescribeUserPool, "
        "cognito-idp.CreateUserPool, cognito-idp.CreateUserPoolClient, cognito-idp.CreateGroup) with a "
        "user-migration trigger that asks legacy's at the first sign-in, or import the users "
        "(cognito-idp.GetCSVHeader, cognito-idp.CreateUserImportJob), who then set a new password. `sub`, client ids "
        "and second factors are new: whatever keys on `sub` needs a mapping.",
        verify="cognito-idp.DescribeUserPool shows the expected number of users there, and a known person signs in",
    ),
    probe(
        "cognito-identity:identitypool",
        "cognito-identity.ListIdentityPools",
        "IdentityPools[].IdentityPoolId",
        "identitypool/{id}",
        params={"MaxResults": 60},
        manual="Make it in the target with the new user pool and roles (cognito-identity.CreateIdentityPool, "
        "cognito-identity.SetIdentityPoolRoles). Identity ids are new: what is keyed by them (S3 prefixes, items) "
        "has to be renamed, and the apps get the new pool's id.",
        verify="an app signs in through the new pool and sees its own data",
    ),
    probe(
        "states:stateMachine",
        "stepfunctions.ListStateMachines",
        "stateMachines[].stateMachineArn",
        manual="Read it (stepfunctions.DescribeStateMachine), put the target's ARNs and role into the definition, "
        "make it there (stepfunctions.CreateStateMachine). Running executions cannot be moved: stop what starts "
        "them, wait, then start by the target's trigger.",
        verify="stepfunctions.ListExecutions with statusFilter=RUNNING is empty in legacy, and one in the target "
        "SUCCEEDED",
    ),
    probe(
        "scheduler:schedule",
        "scheduler.ListSchedules",
        "Schedules[].Arn",
        manual="Read it (scheduler.GetSchedule), make its group and itself in the target with State=DISABLED "
        "(scheduler.CreateScheduleGroup, scheduler.CreateSchedule). Between two firings disable legacy's, then "
        "enable the target's (scheduler.UpdateSchedule wants every field again). A rate() counts from its new start.",
        verify="exactly one of both is ENABLED, and its target was invoked at the next time",
    ),
    probe(
        "pipes:pipe",
        "pipes.ListPipes",
        "Pipes[].Arn",
        manual="Read it (pipes.DescribePipe) and make it in the target with DesiredState=STOPPED (pipes.CreatePipe). "
        "Stop legacy's (pipes.StopPipe), let its source run empty, start the target's (pipes.StartPipe).",
        verify="pipes.DescribePipe shows STOPPED in legacy, RUNNING in the target, and its enrichment and target get "
        "events",
    ),
    probe(
        "cloudwatch:alarm",
        "cloudwatch.DescribeAlarms",
        # Those of a target-tracking policy are made and removed by Application Auto Scaling itself, in a target too.
        # Source: Application Auto Scaling User Guide, target tracking scaling policies; read 2026-11, unverified.
        "MetricAlarms[?!starts_with(AlarmName, 'TargetTracking-')].AlarmArn",
        manual=_ALARM,
        verify=_ALARM_SEEN,
    ),
    probe(
        "cloudwatch:alarm",
        "cloudwatch.DescribeAlarms",
        "CompositeAlarms[].AlarmArn",
        params={"AlarmTypes": ["CompositeAlarm"]},
        manual=_ALARM,
        verify=_ALARM_SEEN,
    ),
    probe(
        "ses:identity",
        "ses.ListIdentities",
        "Identities[]",
        "identity/{id}",
        manual="Ask weeks ahead to leave the sandbox in the target (sesv2.PutAccountDetails). Make the identity "
        "there (sesv2.CreateEmailIdentity), publish its DKIM records beside legacy's, make configuration sets, "
        "templates and the suppression list again (sesv2.CreateConfigurationSet, sesv2.CreateEmailTemplate, "
        "sesv2.PutSuppressedDestination), and send little at first. SMTP passwords belong to an IAM user: they are "
        "new.",
        verify="sesv2.GetEmailIdentity shows VerifiedForSendingStatus true, sesv2.GetAccount ProductionAccessEnabled "
        "true",
    ),
    probe(
        "iam:oidc-provider",
        "iam.ListOpenIDConnectProviders",
        "OpenIDConnectProviderList[].Arn",
        is_global=True,
        manual="Make it in the target with the same URL and client ids (iam.GetOpenIDConnectProvider, "
        "iam.CreateOpenIDConnectProvider); roles that trust it name the new ARN.",
        verify="a token of the provider assumes a role of the target (sts.AssumeRoleWithWebIdentity)",
    ),
    probe(
        "iam:saml-provider",
        "iam.ListSAMLProviders",
        "SAMLProviderList[].Arn",
        is_global=True,
        manual="Make it in the target by the same metadata (iam.GetSAMLProvider, iam.CreateSAMLProvider) and tell the "
        "identity provider the new role and provider ARNs.",
        verify="a person signs in to the target through the identity provider",
    ),
    probe(
        "codecommit:repository",
        "codecommit.ListRepositories",
        "repositories[].repositoryName",
        "{id}",
        manual="Make it in the target (codecommit.CreateRepository), or at another host, and push a mirror clone of "
        "legacy's to it. Pull requests, triggers and approval rules do not come with it "
        "(codecommit.PutRepositoryTriggers).",
        verify="the list of references (git ls-remote) is the same on both sides",
    ),
    probe(
        "codebuild:project",
        "codebuild.ListProjects",
        "projects[]",
        "project/{id}",
        manual="Read it (codebuild.BatchGetProjects) and make it in the target with its role, VPC, cache bucket and "
        "secrets (codebuild.CreateProject). The connection to the source host is made anew by a person there "
        "(codebuild.ImportSourceCredentials, or codeconnections.CreateConnection and its hand-shake); then the web "
        "hook (codebuild.CreateWebhook).",
        verify="a build of the newest commit in the target is SUCCEEDED (codebuild.BatchGetBuilds)",
    ),
    probe(
        "codepipeline:pipeline",
        "codepipeline.ListPipelines",
        "pipelines[].name",
        "{id}",
        manual="Read it (codepipeline.GetPipeline), put the target's artifact bucket, key, role, projects and "
        "connection in, and make it there (codepipeline.CreatePipeline). Stop legacy's transitions before, so that "
        "it does not deploy into what was moved (codepipeline.DisableStageTransition).",
        verify="codepipeline.GetPipelineState in the target shows every stage Succeeded; legacy's transitions are off",
    ),
    probe(
        "codedeploy:application",
        "codedeploy.ListApplications",
        "applications[]",
        "application:{id}",
        manual="Make application and deployment groups in the target (codedeploy.CreateApplication, "
        "codedeploy.GetDeploymentGroup, codedeploy.CreateDeploymentGroup) on its services, target groups, alarms and "
        "role.",
        verify="a deployment in the target is Succeeded (codedeploy.GetDeployment)",
    ),
    probe(
        "transfer:server",
        "transfer.ListServers",
        "Servers[].Arn",
        manual="Make server and users in the target (transfer.DescribeServer, transfer.CreateServer, "
        "transfer.CreateUser, transfer.ImportSshPublicKey). The host key can be imported only by whoever holds it "
        "(transfer.ImportHostKey), else every partner sees a changed host; then turn the DNS name, not the partners.",
        verify="a partner's test upload arrives in the target's bucket, and legacy's server shows no more FilesIn",
    ),
    probe(
        "sagemaker:endpoint",
        "sagemaker.ListEndpoints",
        "Endpoints[].EndpointArn",
        manual="Copy the model's artifacts and images to the target, then make model, endpoint configuration and "
        "endpoint there (sagemaker.DescribeModel, sagemaker.CreateModel, sagemaker.CreateEndpointConfig, "
        "sagemaker.CreateEndpoint). GPU and other instance quotas of a new account are small: ask for them weeks "
        "ahead.",
        verify="sagemaker.DescribeEndpoint in the target shows InService, and the same request gives the same answer",
    ),
    probe(
        "sagemaker:model",
        "sagemaker.ListModels",
        "Models[].ModelArn",
        manual="Copy its artifacts and image to the target and make it there (sagemaker.DescribeModel, "
        "sagemaker.CreateModel). Training jobs, experiments and feature stores stay: their results lie in S3.",
        verify="a batch transform or endpoint of the target loads it",
    ),
    probe(
        "sagemaker:notebook-instance",
        "sagemaker.ListNotebookInstances",
        "NotebookInstances[].NotebookInstanceArn",
        manual="Its volume cannot be shared: let its people push what they need to a repository or a bucket, then "
        "make one in the target (sagemaker.CreateNotebookInstance).",
        verify="its people say that they have everything",
    ),
    probe(
        "sagemaker:domain",
        "sagemaker.ListDomains",
        "Domains[].DomainArn",
        manual="Make domain and user profiles in the target (sagemaker.DescribeDomain, sagemaker.CreateDomain, "
        "sagemaker.CreateUserProfile) and copy the home directories, which lie on the domain's EFS file system "
        "(datasync.CreateTask).",
        verify="a person signs in there and finds their files",
    ),
)

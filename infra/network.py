"""A fixed IP address for calls to the IIS, for IISs with an allow list. It is created only with `fixed_egress`."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.nag import acknowledge
from infra.operations import Operations, network_log_group
from infra.removal import KEPT
from infra.stages import Stage

_ZONES = 2
_HTTPS = 443


class Network(Construct):
    """Two private subnets that reach the internet through one NAT gateway with one Elastic IP address.

    There is one gateway, because two would have two addresses. When its zone fails, delivery waits and loses nothing.
    S3 and DynamoDB are reached by gateway endpoints, which are free; other AWS services by the NAT gateway over TLS.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, operations: Operations) -> None:
        super().__init__(scope, construct_id)
        self.address = ec2.CfnEIP(self, "Address", domain="vpc")
        if stage.protected:
            # The IIS has the address on its allow list, so it must survive the stack.
            self.address.apply_removal_policy(KEPT)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=_ZONES,
            nat_gateways=1,
            nat_gateway_provider=ec2.NatProvider.gateway(eip_allocation_ids=[self.address.attr_allocation_id]),
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Gateway", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=26, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Functions", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=22),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        flow = self.vpc.add_flow_log(
            "Flow",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                operations.log_group(self, "FlowLog", network_log_group(stage))
            ),
        )
        self.security_group = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            allow_all_outbound=False,
            description="vaxline: HTTPS out, nothing in",
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(_HTTPS), "the IIS and AWS, over TLS")
        if stage.iis_port != _HTTPS:
            self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(stage.iis_port), "the IIS's own port")
        self._acknowledge(flow)

    def _acknowledge(self, flow: ec2.FlowLog) -> None:
        for subnet in self.vpc.public_subnets:
            route = {
                "HIPAA.Security-VPCNoUnrestrictedRouteToIGW": "The NAT gateway's own way out; nothing else is in its "
                "subnet, and no address is public but the one that the IIS knows."
            }
            acknowledge(subnet.node.find_child("DefaultRoute"), route)
        inline = "Made with the flow log by the CDK: writing to the one log group, for the one service that needs it."
        acknowledge(flow.node.find_child("IAMRole"), {"HIPAA.Security-IAMNoInlinePolicy": inline})
        closed = "Nothing is in it: the functions have a group of their own, which lets nothing in and HTTPS out."
        acknowledge(self.vpc, {"HIPAA.Security-VPCDefaultSecurityGroupClosed": closed})

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.answers import CampaignPageAnswer, CampaignProgressAnswer, describe_problems
from annotation.api.bodies import PageQuery, read_query
from annotation.api.reading import ReadView
from annotation.api.rows import write_campaign, write_campaign_progress
from annotation.models import Campaign
from annotation.queries.campaigns import count_progress, find_campaign
from hierarchy.errors import NotFound
from hierarchy.queries.keyset import list_page
from hierarchy.rules import CURATORS, find_role


class CampaignsView(ReadView):
    @extend_schema(
        operation_id="campaigns_list",
        summary="Campaigns, newest first",
        parameters=[PageQuery],
        responses={200: CampaignPageAnswer, **describe_problems(400)},
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, PageQuery)
        campaigns = Campaign.objects.select_related("training")
        if find_role(request.user) not in CURATORS:
            campaigns = campaigns.exclude(state=Campaign.State.DRAFT)
        page = list_page(
            campaigns,
            order_by=["-drafted_at", "-pk"],
            write_rows=lambda rows: [write_campaign(row) for row in rows],
            limit=query["limit"],
            address=request.build_absolute_uri(),
        )
        return Response(page)


class CampaignView(ReadView):
    @extend_schema(
        operation_id="campaigns_read",
        summary="A campaign and how far it has come",
        responses={200: CampaignProgressAnswer, **describe_problems(404)},
    )
    def get(self, request: Request, name: str) -> Response:
        curator = find_role(request.user) in CURATORS
        campaign = find_campaign(name)
        if campaign.state == Campaign.State.DRAFT and not curator:
            raise NotFound(f"There is no campaign {name}.")
        return Response(write_campaign_progress(campaign, count_progress(campaign), everything=curator))

from django.urls import path

from annotation.api.urls import api_patterns
from annotation.pages import (
    account,
    annotate,
    annotators,
    answers,
    appeals,
    bars,
    campaigns,
    disputes,
    flags,
    gold,
    home,
    model,
    notes,
    own_data,
    work,
)

root_patterns = [
    path("", home.show_home, name="home"),
    path("accounts/signup/", account.sign_up, name="signup"),
]
page_patterns = [
    path("annotate/", annotate.show_page, name="annotate"),
    path("annotate/lease/", annotate.lease_page, name="lease"),
    path("annotate/<uuid:batch_id>/submit/", annotate.submit_page, name="submit"),
    path("annotate/<uuid:batch_id>/return/", annotate.return_page, name="return"),
    path("annotate/<uuid:batch_id>/undo/", annotate.undo_page, name="undo"),
    path("annotate/<uuid:batch_id>/flag/", flags.flag_page, name="flag"),
    path("work/", work.show_work, name="work"),
    path("work/answers/", answers.show_answers, name="own-answers"),
    path("work/answers/<uuid:batch_id>/<int:position>/contest/", answers.contest_answer, name="contest"),
    path("account/", account.show_account, name="account"),
    path("account/data/", own_data.show_data, name="own-data"),
    path("account/data/download/", own_data.download_data, name="own-data-download"),
    path("account/delete/", own_data.delete_account, name="account-delete"),
    path("account/bar/", bars.show_bar, name="bar"),
    path("account/bar/appeal/", bars.make_appeal, name="appeal-make"),
    path("account/tokens/", account.create_token, name="token-create"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="token-revoke"),
    path("campaigns/", campaigns.show_campaigns, name="campaigns"),
    # Outside campaigns/, so that no campaign's name collides with it.
    path("draft-campaign/", campaigns.draft_campaign, name="campaign-draft"),
    path("campaigns/<slug:name>/", campaigns.show_campaign, name="campaign"),
    path("campaigns/<slug:name>/change/", campaigns.change_campaign, name="campaign-change"),
    path("campaigns/<slug:name>/layout/", campaigns.change_layout, name="campaign-layout"),
    path("campaigns/<slug:name>/policy/", campaigns.change_policy, name="campaign-policy"),
    path("disputes/", disputes.show_disputes, name="disputes"),
    path("disputes/<int:dispute_id>/", disputes.show_dispute, name="dispute"),
    path("curate/gold/", gold.show_gold, name="gold"),
    path("curate/gold/<int:gold_id>/settle/", gold.settle_gold, name="gold-settle"),
    path("curate/flags/", flags.show_flags, name="flags"),
    path("curate/flags/close/", flags.close_flags, name="flags-close"),
    path("curate/notes/<str:wnid>/", notes.show_notes, name="notes"),
    path("curate/annotators/", annotators.show_annotators, name="annotators"),
    path("curate/annotators/<int:number>/", annotators.show_annotator, name="annotator"),
    path("curate/annotators/<int:number>/bar/", annotators.bar_annotator, name="annotator-bar"),
    path("curate/annotators/<int:number>/unbar/", annotators.unbar_annotator, name="annotator-unbar"),
    path("curate/appeals/", appeals.show_appeals, name="appeals"),
    path("curate/appeals/<int:appeal_id>/", appeals.show_appeal, name="appeal"),
    path("curate/model/", model.show_model, name="model"),
    path("curate/model/estimate/", model.start_estimation, name="model-estimate"),
]

__all__ = ["api_patterns", "page_patterns", "root_patterns"]

"""What people type, read into values. What it may mean is for the actions to say."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.utils.translation import gettext_lazy as _

from annotation.models import Bar, Campaign, Crowd, Policy
from annotation.models.bar import LONGEST_TEXT
from annotation.pages.refusals import add_problems
from annotation.rules import PolicyValues, TrainingValues
from hierarchy.errors import InvalidInput

SCOPE_TEXTS = {
    "read": _("read: look at campaigns, labels and pictures"),
    "annotate": _("annotate: also get pages and send votes"),
    "curate": _("curate: also settle disputes"),
}
NAME_LENGTH = 150
BAR_CODES = {
    Bar.Code.GUESSES: _("Answers no better than guesses"),
    Bar.Code.SEVERAL_ACCOUNTS: _("One person with several accounts"),
    Bar.Code.CONDUCT: _("Against the rules"),
    Bar.Code.OTHER: _("Another reason"),
}


class LoginForm(AuthenticationForm):
    """A name longer than any account's is refused before anybody looks for it or notes the attempt."""

    username = UsernameField(max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autofocus": True}))


class SignUpForm(forms.Form):
    username = forms.CharField(
        label=_("Username"),
        max_length=NAME_LENGTH,
        help_text=_("Letters, digits and @ . + - _"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=_("Email"),
        required=False,
        help_text=_("Only for a new password, should you forget yours."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 8 characters, and not only digits."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("Password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password_again(self) -> str:
        again: str = self.cleaned_data["password_again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise forms.ValidationError(_("The two passwords are not the same."))
        return again


class TokenForm(forms.Form):
    def __init__(self, *arguments: Any, scopes: list[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["scope"] = forms.ChoiceField(
            label=_("What the token may do"),
            choices=[(scope, SCOPE_TEXTS[scope]) for scope in scopes],
            initial=scopes[0] if scopes else None,
            widget=forms.RadioSelect,
        )


POLICY_LABELS = {
    "target_error": _("Target error"),
    "vote_cap": _("Vote cap"),
    "page_size": _("Page size"),
    "gold_rate": _("Gold rate"),
    "gold_exposures": _("Gold exposures"),
    "lease_seconds": _("Lease, in seconds"),
    "undo_seconds": _("Undo, in seconds"),
}
POLICY_HELP = {
    "target_error": _("Share of wrong labels among those decided by votes; 0.05 is one in twenty."),
    "vote_cap": _("Votes after which a curator decides."),
    "page_size": _("Pictures on a page, at most."),
    "gold_rate": _("Share of what is asked whose answer is known; 0.125 is one in eight."),
    "gold_exposures": _("Annotators to whom one gold question is shown at most."),
    "lease_seconds": _("How long a page is kept for its annotator."),
    "undo_seconds": _("How long a page of votes can be taken back."),
}
LAYOUT_HELP = _("How annotators see a page: all pictures at once, or one after the other, as for hard questions.")
FRACTIONS = ("target_error", "gold_rate")


def _make_policy_field(name: str) -> forms.Field:
    if name in FRACTIONS:
        widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
        return forms.FloatField(label=POLICY_LABELS[name], help_text=POLICY_HELP[name], widget=widget)
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(label=POLICY_LABELS[name], help_text=POLICY_HELP[name], widget=widget)


class PolicyForm(forms.Form):
    """The rules of a campaign. Once valid, `policy` holds them as a value."""

    policy: PolicyValues

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in POLICY_LABELS:
            self.fields[name] = _make_policy_field(name)
            self.fields[name].initial = getattr(PolicyValues, name)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            self.policy = PolicyValues(**{name: cleaned[name] for name in POLICY_LABELS if name in cleaned})
        except InvalidInput as error:
            add_problems(self, error)
        return cleaned

    @property
    def policy_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in POLICY_LABELS]


def read_policy(policy: Policy) -> dict[str, float]:
    """The version in force, as what a form begins with."""
    return {name: getattr(policy, name) for name in POLICY_LABELS}


class DraftForm(PolicyForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("For addresses and the API: letters, digits, hyphens. It stays as it is."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("What annotators read."))
    instructions = forms.CharField(
        label=_("Instructions"),
        required=False,
        help_text=_("Shown with every page of pictures: what counts, what does not."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    layout = forms.ChoiceField(
        label=_("Layout"),
        choices=Campaign.Layout.choices,
        initial=Campaign.Layout.CHOICE,
        help_text=LAYOUT_HELP,
        required=False,
    )
    synsets = forms.CharField(
        label=_("Synsets"),
        help_text=_("Wnids such as n02084071, with blanks, commas or line breaks between; asked in this order."),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )

    @property
    def wnids(self) -> list[str]:
        return str(self.cleaned_data["synsets"]).replace(",", " ").split()

    @property
    def campaign_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "title", "instructions", "layout", "synsets")]


class LayoutForm(forms.Form):
    layout = forms.ChoiceField(label=_("Layout"), choices=Campaign.Layout.choices, help_text=LAYOUT_HELP)


TRAINING_LABELS = {
    "passing_mark": _("Passing mark, in per cent"),
    "attempts": _("Attempts that everybody has"),
    "quiz_items": _("Questions on definitions"),
    "practice_items": _("Pictures to practise on"),
}


class TrainingForm(forms.Form):
    """The rules of a training. Once valid, `training` holds them as a value."""

    training: TrainingValues
    active = forms.BooleanField(label=_("Annotators pass it before their first page"), required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, label in TRAINING_LABELS.items():
            widget = forms.NumberInput(attrs={"inputmode": "numeric"})
            initial = getattr(TrainingValues, name)
            self.fields[name] = forms.IntegerField(label=label, initial=initial, widget=widget)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            self.training = TrainingValues(**cleaned)
        except InvalidInput as error:
            add_problems(self, error)
        return cleaned

    @property
    def number_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in TRAINING_LABELS]


class StepForm(forms.Form):
    """One step in a campaign's life."""

    step = forms.ChoiceField(choices=[(step, step) for step in ("open", "resume", "pause", "close")])


class DecisionForm(forms.Form):
    verdict = forms.CharField(label=_("Verdict"), required=False)
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("A sentence for whoever asks later."),
        widget=forms.TextInput(attrs={"list": "reasons", "maxlength": 2000, "autocomplete": "off"}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class NotesForm(forms.Form):
    includes = forms.CharField(
        label=_("Includes"),
        required=False,
        max_length=2000,
        help_text=_(
            "What counts as well though one might doubt it, such as puppies or a dog seen from behind. One thing a line."
        ),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    excludes = forms.CharField(
        label=_("Does not include"),
        required=False,
        max_length=2000,
        help_text=_("What is easily taken for it and is not, such as wolves or toy dogs. One thing a line."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class BarForm(forms.Form):
    code = forms.ChoiceField(label=_("Kind of reason"), choices=list(BAR_CODES.items()), initial=Bar.Code.OTHER)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_TEXT,
        help_text=_("The annotator reads it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    sure = forms.BooleanField(label=_("Yes, bar this annotator."))


class CrowdForm(forms.Form):
    provider = forms.ChoiceField(label=_("Provider"), choices=Crowd.Provider.choices, initial=Crowd.Provider.MTURK)
    pages = forms.IntegerField(
        label=_("Pages in an assignment"), initial=5, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )
    days = forms.IntegerField(
        label=_("Open for so many days"), initial=14, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )
    completion_code = forms.CharField(
        label=_("Completion code"),
        required=False,
        max_length=100,
        help_text=_("Prolific's, from the study's page."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    sandbox = forms.BooleanField(label=_("Mechanical Turk's sandbox"), required=False)


class DeletionForm(forms.Form):
    """What confirms a deletion: the password, or the username where the account has none."""

    def __init__(self, *arguments: Any, has_password: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if has_password:
            widget: forms.Widget = forms.PasswordInput(attrs={"autocomplete": "current-password"})
            field = forms.CharField(label=_("Your password"), strip=False, widget=widget)
        else:
            widget = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
            field = forms.CharField(label=_("Your username, to confirm"), max_length=NAME_LENGTH, widget=widget)
        self.fields["confirmation"] = field


class AppealForm(forms.Form):
    text = forms.CharField(
        label=_("What you want to say"),
        max_length=LONGEST_TEXT,
        help_text=_("At most 2,000 characters."),
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label=_("Your answer"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_("The annotator reads it. Needed where the bar stays."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    lift = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.forms import InvitationForm
from agencies.members import inviting
from agencies.models import Branch, Invitation, Role


@admin.register(Invitation)
class InvitationAdmin(PlacedAdmin):
    """Invitations by mail. They are not edited: a wrong one is withdrawn, and a new one sent."""

    list_display = ("email", "role", "place", "agency", "standing", "invited_by", "sent_at", "expires_at")
    list_filter = (AgencyFilter, "state")
    list_select_related = ("branch", "agency", "invited_by")
    list_display_links = None
    search_fields = ("email", "name")
    autocomplete_fields = ("branch",)
    fields = ("email", "name", "agency", "branch", "everywhere", "role")
    actions = ("send_again", "withdraw")  # type: ignore[assignment]  # the other pages have none

    @admin.display(description=_("branch"))
    def place(self, invitation: Invitation) -> str:
        return str(invitation.branch or _("All branches"))

    @admin.display(description=_("state"))
    def standing(self, invitation: Invitation) -> str:
        is_late = invitation.state == Invitation.State.OPEN and not invitation.is_open(now=timezone.now())
        return str(_("Not answered in time")) if is_late else invitation.get_state_display()

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return False

    def may_add(self, user: User) -> bool:
        return access.administers(user)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.whole_agencies(user, Role.AGENCY_ADMIN)
        return {"agency": agencies, "branch": Branch.objects.filter(agency__in=agencies)}

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        form = super().get_form(request, obj, change, form=InvitationForm, **kwargs)
        form.asker = signed_in(request)
        return form

    def save_model(self, request: HttpRequest, obj: Invitation, form: ModelForm, change: bool) -> None:
        obj.invited_by = signed_in(request)
        inviting.send(obj, now=timezone.now())

    @admin.action(description=_("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        sent = 0
        for invitation in queryset:
            try:
                sent += inviting.send_again(invitation, by=signed_in(request), now=timezone.now())
            except inviting.TooMany:
                messages.error(request, _("Too many mails have been sent to %s. Try again later.") % invitation.email)
        if sent:
            told = ngettext("%(count)s invitation is sent again.", "%(count)s invitations are sent again.", sent)
            messages.success(request, told % {"count": sent})

    @admin.action(description=_("Withdraw"))
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        done = sum(inviting.withdraw(invitation) for invitation in queryset)
        told = ngettext("%(count)s invitation is withdrawn.", "%(count)s invitations are withdrawn.", done)
        messages.success(request, told % {"count": done})

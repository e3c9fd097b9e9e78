"""Whoever has lost the mails asks for the links to all coming appointments. They go to the address alone.

The page says the same whether there are any or not, and a mail is sent in both cases. Asking is limited like asking for a
code to sign in, and counted together with it.
"""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.limits import tries
from accounts.mails import outbox
from accounts.typed.addresses import AddressField
from appointments.messages import letters


class LinksForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("The one that was given when the appointment was booked."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def links(request: HttpRequest) -> HttpResponse:
    form = LinksForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _sent(request, form):
        text = _("If there are coming appointments with this address, a mail with their links is on its way to it.")
        messages.success(request, text)
        return redirect("appointments:find")
    return render(request, "appointments/owners/links.html", {"form": form})


def _sent(request: HttpRequest, form: LinksForm) -> bool:
    """Owes the mail, unless the address has had too many, which nobody is told. False if the visitor asks too often."""
    email, now = form.cleaned_data["email"], timezone.now()
    try:
        tries.count_code(request, email, now=now)
    except ValidationError as refusal:
        form.add_error("email", refusal)
        return False
    if tries.may_mail(request, email, now=now):
        outbox.owe(letters.links(email, now=now), letters.LINKS, now=now)
    return True

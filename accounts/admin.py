"""People with a role on the platform. Citizens are users too, but never listed here."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts import identities
from accounts.models import User
from accounts.people import invited, named, signed_in
from accounts.staff import factors, resetting
from accounts.typed.addresses import StaffAddressField

# Permissions come from roles alone, addresses and identities are personal data, the environment sets up providers, and second
# factors are reset on a page that tells the owner.
for model in (Group, EmailAddress, EmailConfirmation, Authenticator, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def without_own(user: User) -> User:
    """Forgets, in memory alone, the name in an account that a citizen has made.

    So no title, message or log of the admin tells it. `UserAdmin.save_model` does not write the field.
    """
    if not user.is_invited:
        user.name = ""
    return user


class NewUserForm(forms.ModelForm):
    """Gives a role to the person with this address, who may have no account yet. `asker` is the user who gives it."""

    asker: User
    address = StaffAddressField(label=_("E-mail address"))

    class Meta:
        model = User
        fields = ("name", "is_operator", "is_official")

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].lower()
        if address == self.asker.email:
            raise ValidationError(_("You cannot give a role to yourself."))
        return address

    def clean(self) -> None:
        super().clean()
        if not (self.cleaned_data.get("is_operator") or self.cleaned_data.get("is_official")):
            self.add_error("is_operator", _("Choose a role. Officers get theirs under “Memberships”."))

    def save(self, commit: bool = True) -> User:
        given = self.cleaned_data
        user = without_own(invited(given["address"], given["name"]))
        user.is_operator |= given["is_operator"]
        user.is_official |= given["is_official"]
        self.instance = user
        return super().save(commit)


@admin.register(User)
class UserAdmin(ModelAdmin):
    """Lets operators edit people with a role, but not their own role. Addresses are fixed: an address opens an account.

    Of an account that a citizen has made, operators see the address, which they know, and edit the roles alone.
    """

    list_display = ("email", "person", "is_operator", "is_official", "has_factor")
    list_filter = ("is_operator", "is_official")
    search_fields = ("email", "name")
    actions = None
    view_on_site = False
    show_full_result_count = False
    roles: ClassVar = ("is_operator", "is_official")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        with_role = Q(is_operator=True) | Q(is_official=True) | Q(is_superuser=True) | Q(memberships__isnull=False)
        users = super().get_queryset(request).annotate(with_factor=factors.exists_for("pk"))
        return users.filter(pk__in=User.objects.filter(with_role).values("pk"))

    @admin.display(description=_("second factor"), boolean=True)
    def has_factor(self, user: User) -> bool:
        return bool(user.with_factor)  # type: ignore[attr-defined]  # annotated

    @admin.display(description=_("if it is lost"))
    def lost(self, user: User) -> str:
        there = reverse("admin:accounts_user_reset_factor", args=[user.pk])
        return format_html('<a href="{}">{}</a>', there, _("Reset the second factor"))

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view(self.reset_factor)
        return [path("<int:pk>/reset-factor/", own, name="accounts_user_reset_factor"), *super().get_urls()]

    def reset_factor(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Resets the second factor of somebody else who has lost it."""
        user = signed_in(request)
        if not self.has_module_permission(request) or pk == user.pk:
            raise PermissionDenied
        back = reverse("admin:accounts_user_changelist")
        return resetting.page(request, self.get_object(request, str(pk)), user, site=self.admin_site, back=back)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User:
        user = super().get_object(request, object_id, from_field)
        if user is None:
            raise Http404
        return without_own(user)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Saves what has been edited, and no other field of the account."""
        obj.save(update_fields=form.changed_data if change else self.roles)

    @admin.display(description=_("full name"))
    def person(self, user: User) -> str:
        return user.name_in_role

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(named(search_term)), False

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs if obj else kwargs | {"form": NewUserForm})
        form.asker = signed_in(request)
        return form

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("address", "name", *self.roles)
        factor = ("has_factor",) if obj == signed_in(request) else ("has_factor", "lost")
        if not obj.is_invited:
            return ("email", *self.roles, *factor)
        return ("email", "name", "language", *self.roles, "is_active", "date_joined", "last_login", *factor)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        own = (*self.roles, "is_active") if obj == signed_in(request) or obj.is_superuser else ()
        told = () if identities.of(obj) is None else ("name",)
        return ("email", "date_joined", "last_login", "has_factor", "lost", *told, *own)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).configures

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

"""Who may open which address: the one matrix of permissions.

docs/permissions.md is printed from it (`manage.py permissions`), and tests open each address as everybody: an address
without a row fails, and so does a cell that is not so. What a page shows and changes is decided by `agencies.access`.
"""

from dataclasses import dataclass, fields
from enum import StrEnum


class Reach(StrEnum):
    """How far a role reaches. Whom it does not reach gets 404; a colleague at the same place without the right, 403."""

    NONE = "–"
    KEY = "key"  # whoever has the secret in the address, or typed the code that was sent
    OWN = "own"  # what is about oneself
    BRANCH = "branch"
    AGENCY = "agency"
    ALL = "all"


@dataclass(frozen=True)
class Rights:
    """One row of the matrix, a column for each role. Officers are citizens too, of their own appointments."""

    guest: Reach = Reach.NONE
    citizen: Reach = Reach.NONE
    agent: Reach = Reach.NONE
    supervisor: Reach = Reach.NONE
    agency_admin: Reach = Reach.NONE
    official: Reach = Reach.NONE
    operator: Reach = Reach.NONE

    def cells(self) -> list[Reach]:
        return [getattr(self, field.name) for field in fields(self)]


ROLES = tuple(field.name for field in fields(Rights))
INTRODUCTION = """# Who may open what

Printed by `manage.py permissions` from `mydesklive/staff/rights.py`; tests open each address as everybody.

- `all`: every row. `agency`, `branch`: rows of one's own agency or branch. `own`: what is about oneself. `key`: whoever has
  the secret in the address, or has typed the code that was sent. `–`: nobody with this role alone.
- Whom a role does not reach gets 404, as if there were no such row. A colleague at the same place who lacks the right gets
  403. Who has not signed in is asked to.
- Officers are citizens too: each of them has an account, and sees their own appointments as citizens do.
- Operators configure and see counts, officials see counts. Neither reaches a citizen's name.
"""
COUNTER = {"agent": Reach.BRANCH, "supervisor": Reach.BRANCH, "agency_admin": Reach.AGENCY}
OVERSIGHT = {"supervisor": Reach.BRANCH, "agency_admin": Reach.AGENCY}
STAFF_ROLES = ("agent", "supervisor", "agency_admin", "official", "operator")
SEES_FIGURES = ("supervisor", "agency_admin", "official", "operator")

# The rows by what they have in common: what it is, what each role may, and the names of the addresses.
MATRIX: tuple[tuple[str, Rights, str], ...] = (
    (
        "Open to everybody",
        Rights(*[Reach.ALL] * 7),
        """
        account_inactive account_login account_logout account_request_login_code account_signup admin:logout
        agencies:accents agencies:accessibility agencies:help agencies:platform agencies:portal agencies:suggestions
        agency-detail agency-list api-docs api-schema appointments:branch appointments:channel appointments:check
        appointments:details appointments:find appointments:leave appointments:line appointments:links
        appointments:procedure appointments:start appointments:times appointments:whom branch-detail branch-list
        contact contact-code cookies demo-mail demo-mail-attachment demo-mail-detail demo-mail-html health-live
        health-ready health-work openid_connect_callback openid_connect_login privacy procedure-detail procedure-list
        reports:agencies reports:agencies-csv reports:agencies-json reports:agencies-xlsx reports:catalog
        reports:dataset-csv reports:dataset-json reports:dataset-month-csv reports:dataset-month-json
        reports:dictionary-csv reports:dictionary-json reports:index reports:open-data robots security set_language
        sign-in-failed slot-list taxisnet_callback taxisnet_login taxisnet_staff_callback taxisnet_staff_login
        videocalls:test
        """,
    ),
    (
        "Opened by a secret in the address, or by a code",
        Rights(*[Reach.KEY] * 7),
        """
        account_confirm_login_code account_email_verification_sent admin:appointments_queue_poll appointments:display
        appointments:enter_line appointments:feed appointments:guest appointments:guest_enter appointments:kiosk
        appointments:kiosk_appointment appointments:kiosk_ticket appointments:kiosk_walk_in appointments:open
        appointments:rate_visit appointments:ticket invitation livekit:room metrics mfa_authenticate
        mfa_login_webauthn reports:sending-stop sms-replies videocalls:bye videocalls:end videocalls:enter
        videocalls:leave videocalls:relay videocalls:room videocalls:sync
        """,
    ),
    (
        "One's own account",
        Rights(Reach.NONE, *[Reach.OWN] * 6),
        """
        appointment-list appointments:data appointments:data_file appointments:erase_past appointments:list
        """,
    ),
    (
        "One's own account, if nobody has given it a role",
        Rights(citizen=Reach.OWN),
        """
        account_email appointments:close_account
        """,
    ),
    (
        "One's own appointment",
        Rights(Reach.KEY, *[Reach.OWN] * 6),
        """
        appointment-detail appointments:appointment_data appointments:appointment_data_file
        appointments:appointment_erase appointments:calendar appointments:cancel appointments:contact
        appointments:detail appointments:done appointments:enter appointments:here appointments:invite
        appointments:join appointments:move appointments:move_branch appointments:move_check appointments:offer
        appointments:rate appointments:send_link appointments:verify appointments:verify_again
        """,
    ),
    (
        "Serving citizens",
        Rights(**COUNTER),
        """
        admin:appointments_appointment_again admin:appointments_appointment_arrive
        admin:appointments_appointment_assign admin:appointments_appointment_book
        admin:appointments_appointment_booked admin:appointments_appointment_calendar
        admin:appointments_appointment_calendar_data admin:appointments_appointment_calendar_move
        admin:appointments_appointment_cancel admin:appointments_appointment_change
        admin:appointments_appointment_changelist admin:appointments_appointment_complete
        admin:appointments_appointment_contact admin:appointments_appointment_day admin:appointments_appointment_feeds
        admin:appointments_appointment_feeds_new admin:appointments_appointment_history
        admin:appointments_appointment_letter admin:appointments_appointment_miss admin:appointments_appointment_move
        admin:appointments_appointment_serve admin:appointments_appointment_slip
        admin:appointments_appointment_unplaced admin:appointments_call admin:appointments_call_identity
        admin:appointments_call_step admin:appointments_follow_up admin:appointments_queue
        admin:appointments_queue_step admin:appointments_serving admin:appointments_serving_complete
        admin:appointments_serving_save
        """,
    ),
    (
        "The frame of the staff pages",
        Rights(**COUNTER, operator=Reach.ALL),
        """
        admin:app_list admin:index admin:jsi18n admin:search
        """,
    ),
    (
        "One's own second factor",
        Rights(**dict.fromkeys(STAFF_ROLES, Reach.OWN)),
        """
        mfa_activate_totp mfa_add_webauthn mfa_index mfa_list_webauthn
        """,
    ),
    (
        "One's own second factor, once there is one",
        Rights(**dict.fromkeys(STAFF_ROLES, Reach.KEY)),
        """
        mfa_deactivate_totp mfa_download_recovery_codes mfa_edit_webauthn mfa_generate_recovery_codes
        mfa_reauthenticate mfa_reauthenticate_webauthn mfa_remove_webauthn mfa_view_recovery_codes
        """,
    ),
    (
        "Coming to the staff pages",
        Rights(**COUNTER, official=Reach.ALL, operator=Reach.ALL),
        """
        admin:login
        """,
    ),
    (
        "Overseeing a branch",
        Rights(**OVERSIGHT, operator=Reach.ALL),
        """
        admin:agencies_branch_change admin:agencies_branch_changelist admin:agencies_branch_history
        admin:agencies_closure_add admin:agencies_closure_change admin:agencies_closure_changelist
        admin:agencies_closure_delete admin:agencies_closure_history admin:agencies_closure_preview
        admin:agencies_openingrule_add admin:agencies_openingrule_change admin:agencies_openingrule_changelist
        admin:agencies_openingrule_delete admin:agencies_openingrule_history admin:agencies_openingrule_preview
        admin:agencies_openingrule_split admin:appointments_appointment_promises
        admin:appointments_appointment_screens admin:appointments_appointment_texts
        admin:appointments_appointment_watch admin:appointments_appointment_watch_again
        admin:appointments_appointment_watch_messages admin:appointments_desk_add admin:appointments_desk_change
        admin:appointments_desk_changelist admin:appointments_desk_history admin:appointments_disruption_add
        admin:appointments_disruption_board admin:appointments_disruption_change
        admin:appointments_disruption_changelist admin:appointments_disruption_history admin:autocomplete
        """,
    ),
    (
        "Overseeing those who fell out",
        Rights(**OVERSIGHT),
        """
        admin:appointments_disruption_accept admin:appointments_disruption_again
        """,
    ),
    (
        "Texts of an agency's messages",
        Rights(supervisor=Reach.AGENCY, agency_admin=Reach.AGENCY, operator=Reach.ALL),
        """
        admin:appointments_appointment_text admin:appointments_appointment_text_preview
        """,
    ),
    (
        "Configuring an agency",
        Rights(agency_admin=Reach.AGENCY, operator=Reach.ALL),
        """
        admin:agencies_agency_change admin:agencies_agency_changelist admin:agencies_agency_history
        admin:agencies_branch_add admin:agencies_category_add admin:agencies_category_change
        admin:agencies_category_changelist admin:agencies_category_delete admin:agencies_category_history
        admin:agencies_invitation_add admin:agencies_invitation_change admin:agencies_invitation_changelist
        admin:agencies_invitation_history admin:agencies_membership_add admin:agencies_membership_change
        admin:agencies_membership_changelist admin:agencies_membership_delete admin:agencies_membership_history
        admin:agencies_membership_reset_factor admin:agencies_procedure_add admin:agencies_procedure_change
        admin:agencies_procedure_changelist admin:agencies_procedure_history admin:agencies_synonym_add
        admin:agencies_synonym_change admin:agencies_synonym_changelist admin:agencies_synonym_delete
        admin:agencies_synonym_history admin:agencies_systemtoken_add admin:agencies_systemtoken_change
        admin:agencies_systemtoken_changelist admin:agencies_systemtoken_history
        """,
    ),
    (
        "Configuring the platform",
        Rights(operator=Reach.ALL),
        """
        admin:accounts_user_add admin:accounts_user_change admin:accounts_user_changelist admin:accounts_user_history
        admin:accounts_user_reset_factor admin:agencies_agency_add
        """,
    ),
    (
        "Figures",
        Rights(**OVERSIGHT, official=Reach.ALL, operator=Reach.ALL),
        """
        reports:compare reports:compare-csv reports:compare-json reports:compare-xlsx reports:demand
        reports:demand-csv reports:demand-json reports:demand-xlsx reports:index-csv reports:index-json
        reports:index-xlsx reports:page-views reports:page-views-csv reports:page-views-json reports:page-views-xlsx
        reports:sending-new reports:sendings reports:service reports:service-csv reports:service-json
        reports:service-xlsx
        """,
    ),
    (
        "One's own reports by mail",
        Rights(**dict.fromkeys(SEES_FIGURES, Reach.OWN)),
        """
        reports:sending-edit
        """,
    ),
    (
        "Stopping one's own reports by mail, operators those of all",
        Rights(supervisor=Reach.OWN, agency_admin=Reach.OWN, official=Reach.OWN, operator=Reach.ALL),
        """
        reports:sending-change
        """,
    ),
    (
        "Figures for the European gateway",
        Rights(official=Reach.ALL),
        """
        reports:gateway-feedback-csv reports:gateway-feedback-json reports:gateway-statistics-csv
        reports:gateway-statistics-json
        """,
    ),
    (
        "Closed to everybody",
        Rights(),
        """
        account_change_password account_reauthenticate account_reset_password account_reset_password_done
        account_reset_password_from_key account_reset_password_from_key_done account_set_password
        admin:accounts_user_delete admin:agencies_agency_delete admin:agencies_branch_delete
        admin:agencies_invitation_delete admin:agencies_procedure_delete admin:agencies_systemtoken_delete
        admin:appointments_appointment_add admin:appointments_appointment_delete admin:appointments_desk_delete
        admin:appointments_disruption_delete admin:password_change admin:password_change_done admin:view_on_site
        socialaccount_connections socialaccount_login_cancelled socialaccount_login_error socialaccount_signup
        """,
    ),
)

RIGHTS: dict[str, Rights] = {name: rights for _title, rights, names in MATRIX for name in names.split()}


def printed() -> str:
    """Returns the matrix as a page of Markdown."""
    lines = [INTRODUCTION]
    for title, rights, names in MATRIX:
        cells = " | ".join(rights.cells())
        lines += [f"## {title}", "", f"| {' | '.join(ROLES)} |", "|" + " --- |" * len(ROLES), f"| {cells} |", ""]
        lines += [*(f"- `{name}`" for name in names.split()), ""]
    return "\n".join(lines)

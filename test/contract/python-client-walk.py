"""Walks the API with the generated client: create, list, patch, conflict, revoke. The gateway's URL is the one argument."""

import sys
from http import HTTPStatus

from governance import Client
from governance.api.assets import create_asset
from governance.api.grants import create_grant, get_grant, list_grants, revoke_grant
from governance.api.principals import create_principal, get_principal, list_principals, update_principal
from governance.models import CreateAssetDto, CreateGrantDto, CreatePrincipalDto, RevokeGrantDto, UpdatePrincipalDto

client = Client(base_url=sys.argv[1])


def answered(response, status):
    assert response.status_code == status, (response.status_code, response.content)
    return response.parsed


body = CreatePrincipalDto.from_dict({"type": "user", "displayName": "Ada", "department": "Finance", "attributes": {"costCentre": "42"}})
person = answered(create_principal.sync_detailed(client=client, body=body), HTTPStatus.CREATED)
assert person.display_name == "Ada" and person.version == 1, person

table = CreateAssetDto.from_dict({"type": "table", "name": "finance.ledger", "sensitivity": "restricted", "tags": ["sox"]})
asset = answered(create_asset.sync_detailed(client=client, body=table), HTTPStatus.CREATED)

wanted = CreateGrantDto.from_dict(
    {"principalId": str(person.id), "assetId": str(asset.id), "permission": "SELECT", "privilege": "read", "justification": "Quarterly close"}
)
grant = answered(create_grant.sync_detailed(client=client, body=wanted), HTTPStatus.CREATED)
assert grant.principal_name == "Ada" and grant.asset_name == "finance.ledger", grant

page = answered(list_grants.sync_detailed(client=client, principal_id=person.id, limit=1), HTTPStatus.OK)
assert [item.id for item in page.items] == [grant.id] and page.next_cursor is None, page
page = answered(list_principals.sync_detailed(client=client, q="ad", limit=1), HTTPStatus.OK)
assert [item.id for item in page.items] == [person.id], page

change = UpdatePrincipalDto.from_dict({"department": None, "displayName": "Ada L."})
changed = answered(update_principal.sync_detailed(person.id, client=client, body=change, if_match='"1"'), HTTPStatus.OK)
assert changed.department is None and changed.version == 2, changed
refused = answered(update_principal.sync_detailed(person.id, client=client, body=change, if_match='"1"'), HTTPStatus.CONFLICT)
assert refused.error.code == "version_conflict", refused
twice = answered(create_grant.sync_detailed(client=client, body=wanted), HTTPStatus.CONFLICT)
assert twice.error.code == "duplicate", twice

reason = RevokeGrantDto.from_dict({"reason": "Left the team"})
revoked = answered(revoke_grant.sync_detailed(grant.id, client=client, body=reason), HTTPStatus.OK)
assert revoked.status == "revoked" and revoked.revoke_reason == "Left the team", revoked
assert answered(get_grant.sync_detailed(grant.id, client=client), HTTPStatus.OK).revoked_at is not None
assert answered(get_principal.sync_detailed(person.id, client=client), HTTPStatus.OK).display_name == "Ada L."

print("walked")

"""The ways to sign in: a refresh token, a grant token of a self client, and what is refused."""

import os

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.users import GetUsersParam, ResponseWrapper, UsersOperations

import session
from session import same

GRANT_CLIENT = {
    "client_id": os.environ["SWATHE_SDK_GRANT_CLIENT_ID"],
    "client_secret": os.environ["SWATHE_SDK_GRANT_CLIENT_SECRET"],
}
GRANT_TOKEN = os.environ["SWATHE_SDK_GRANT_TOKEN"]


def who_am_i():
    asked = session.parameters([(GetUsersParam.type, "CurrentUser")])
    response = UsersOperations().get_users(asked)
    users = session.answered(response, 200, ResponseWrapper, "the current user").get_users()
    return [user.get_email() for user in users]


def check_refresh_token():
    session.sign_in()
    same(who_am_i(), [session.ADMIN], "the user of the refresh token")
    token = Initializer.get_initializer().token
    same(token.get_refresh_token(), session.REFRESH_TOKEN, "the refresh token stays")
    name = token.get_user_signature().get_name()
    assert name.startswith(session.ADMIN + ":"), f"e-mail address and org in the store: {name}"


def check_grant_token():
    token = OAuthToken(grant_token=GRANT_TOKEN, **GRANT_CLIENT)
    session.initialise(token)
    same(who_am_i(), [session.ADMIN], "the user of the grant token")
    assert token.get_refresh_token(), "a grant token is worth a refresh token"
    session.initialise(OAuthToken(refresh_token=token.get_refresh_token(), **GRANT_CLIENT))
    same(who_am_i(), [session.ADMIN], "the user of that refresh token")


def check_refused(token, word, what):
    try:
        session.initialise(token)
    except SDKException as error:
        same(str(error), f"Caused By: INVALID TOKEN ERROR - {word}", what)
    else:
        raise AssertionError(f"{what}: was not refused")


def check_refusals():
    wrong = OAuthToken(refresh_token="1000.wrong", **session.CLIENT)
    check_refused(wrong, "invalid_code", "a wrong refresh token")
    used = OAuthToken(grant_token=GRANT_TOKEN, **GRANT_CLIENT)
    check_refused(used, "invalid_code", "a grant token used twice")
    nobody = {**session.CLIENT, "client_id": "1000.NOBODY"}
    check_refused(
        OAuthToken(refresh_token=session.REFRESH_TOKEN, **nobody),
        "invalid_client",
        "an unknown client",
    )
    guess = {**session.CLIENT, "client_secret": "guess"}
    check_refused(
        OAuthToken(refresh_token=session.REFRESH_TOKEN, **guess),
        "invalid_client_secret",
        "a wrong secret",
    )


if __name__ == "__main__":
    check_refresh_token()
    check_grant_token()
    check_refusals()

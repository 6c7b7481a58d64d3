"""Which phone numbers may be called: valid, in an allowed country, and not one that costs extra."""

from collections.abc import Collection

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

_ALLOWED = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
}
"""Left out: premium rate, shared cost, pagers, voicemail access, toll-free and unknown."""


class NumberRefusedError(ValueError):
    """The number may not be called; the text says why, without the number."""


def callable_number(given: str, countries: Collection[str]) -> str:
    """The number in E.164.

    Raises:
        NumberRefusedError: it is no number, or not one that may be called.
    """
    try:
        number = phonenumbers.parse(given, None)
    except phonenumbers.NumberParseException:
        raise NumberRefusedError("must be a phone number with + and country code") from None
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise NumberRefusedError("is no valid phone number")
    if phonenumbers.region_code_for_number(number) not in countries:
        raise NumberRefusedError("is in a country that TWILIO_COUNTRIES does not allow")
    if phonenumbers.number_type(number) not in _ALLOWED:
        raise NumberRefusedError("is of a kind that may not be called, such as premium rate")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)

"""bunq's own client lists the payments of the twin. Arguments: the twin's URL, the API key. Writes JSON."""

import json
import sys

from bunq.sdk.context.api_context import ApiContext
from bunq.sdk.context.api_environment_type import ApiEnvironmentType
from bunq.sdk.context.bunq_context import BunqContext
from bunq.sdk.http.pagination import Pagination
from bunq.sdk.model.generated.endpoint import (
    MasterCardActionApiObject,
    MasterCardPaymentApiObject,
    MonetaryAccountBankApiObject,
    PaymentApiObject,
)

url, api_key = sys.argv[1], sys.argv[2]
ApiEnvironmentType.SANDBOX._uri_base = url.rstrip("/") + "/"

context = ApiContext.create(ApiEnvironmentType.SANDBOX, api_key, "tallyflow judge")
BunqContext.load_api_context(context)
# A client that is restored from what it saved goes on with the same installation and session.
restored = ApiContext.from_json(context.to_json())
BunqContext.load_api_context(restored)

accounts = MonetaryAccountBankApiObject.list().value
account = accounts[0]

pagination = Pagination()
pagination.count = 200
page = PaymentApiObject.list(account.id_, params=pagination.url_params_count_only)
payments = list(page.value)
while page.pagination.has_previous_page():
    page = PaymentApiObject.list(account.id_, params=page.pagination.url_params_previous_page)
    payments.extend(page.value)

card = MasterCardActionApiObject.list(account.id_).value[0]

json.dump(
    {
        "card": {
            "id": card.id_,
            "local": card.amount_original_local.value + " " + card.amount_original_local.currency,
            "category": card.merchant_category_code,
            "payments": [each.id_ for each in MasterCardPaymentApiObject.list(card.id_, account.id_).value],
        },
        "user": BunqContext.user_context().user_id,
        "account": {"id": account.id_, "balance": account.balance.value, "iban": account.alias[0].value},
        "payments": [
            {
                "id": payment.id_,
                "created": payment.created,
                "amount": payment.amount.value,
                "name": payment.counterparty_alias.label_monetary_account.display_name,
                "description": payment.description,
            }
            for payment in payments
        ],
    },
    sys.stdout,
)

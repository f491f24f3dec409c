/**
 * What a pressed button sent, wherever the message holds it: the payload itself as text or bytes (ntfy, MQTT), Home Assistant's event
 * `mobile_app_notification_action` (`payload.event.action`), Telegram's callback query (`payload.content`, or
 * `payload.callback_query.data` of a raw update), or `payload.action` and `payload.data`.
 */
export function pressedIn(payload: unknown): string | undefined {
  const one = payload as {
    event?: { action?: unknown };
    callback_query?: { data?: unknown };
    content?: unknown;
    action?: unknown;
    data?: unknown;
  } | null;
  const places =
    typeof payload === "object" && !Buffer.isBuffer(payload)
      ? [one?.event?.action, one?.content, one?.callback_query?.data, one?.action, one?.data]
      : [Buffer.isBuffer(payload) ? payload.toString("utf8", 0, 200) : payload];
  return places.find((place): place is string => typeof place === "string" && place.trim() !== "")?.trim();
}

/** The texts of errors in German. */
import type { ErrorTexts } from '../messages.ts'

export const deErrors: ErrorTexts = {
  malformed_request: [
    'Ungültige HTTP-Anfrage',
    'Die Anfrage ist kein gültiges HTTP: Der Host-Header ist kein Hostname, der Inhalt ist unvollständig, oder ein GET oder HEAD an einen Ursprungsserver hat einen Inhalt.',
  ],
  malformed_json: ['Ungültiges JSON', 'Der Inhalt muss ein JSON-Objekt in UTF-8 sein.'],
  client_ip_unknown: [
    'IP-Adresse unbekannt',
    'Die IP-Adresse fehlt oder ist ungültig. Der Proxy vor dem Dienst muss sie senden.',
  ],
  invalid_credentials: ['Ungültige Anmeldedaten', 'Der Kontoname oder das Passwort ist falsch.'],
  invalid_token: [
    'Ungültiges Zugriffstoken',
    'Das Zugriffstoken fehlt, ist fehlerhaft oder abgelaufen, oder seine Sitzung ist beendet.',
  ],
  invalid_refresh_token: [
    'Ungültiges Aktualisierungstoken',
    'Das Token ist unbekannt oder abgelaufen, oder seine Sitzung ist beendet. Melden Sie sich noch einmal an.',
  ],
  refresh_token_reused: [
    'Aktualisierungstoken wiederverwendet',
    'Dieses Token war schon ersetzt. Zur Sicherheit wurde seine Sitzung beendet. Melden Sie sich noch einmal an.',
  ],
  insufficient_user_authentication: [
    'Neue Anmeldung nötig',
    'Die Anmeldung darf höchstens max_age Sekunden alt sein. Melden Sie sich noch einmal an, oder senden Sie current_password, wo es möglich ist.',
  ],
  insufficient_scope: [
    'Fehlende Berechtigung',
    'Dem Zugriffstoken fehlt eine Rolle oder ein Scope; „missing“ nennt sie.',
  ],
  challenge_required: [
    'Sicherheitsprüfung nötig',
    'Lösen Sie die Aufgabe, und senden Sie die Lösung als „challenge“.',
  ],
  challenge_failed: [
    'Sicherheitsprüfung fehlgeschlagen',
    'Die Lösung wurde nicht angenommen. Lösen Sie die neue Aufgabe. „reasons“ nennt den Grund.',
  ],
  account_disabled: [
    'Konto gesperrt',
    'Das Konto ist gesperrt. Wenden Sie sich an den Betreiber des Dienstes.',
  ],
  registration_closed: ['Registrierung geschlossen', 'Der Dienst nimmt zurzeit keine neuen Konten an.'],
  registration_not_allowed: [
    'Registrierung nicht erlaubt',
    'Keine der Angaben steht auf der Liste derer, die sich registrieren dürfen.',
  ],
  origin_not_allowed: [
    'Herkunft nicht erlaubt',
    'Eine Anfrage mit Cookie braucht einen konfigurierten Origin und den CSRF-Header.',
  ],
  not_found: ['Nicht gefunden', 'Unter dieser Adresse gibt es nichts.'],
  method_not_allowed: [
    'Methode nicht erlaubt',
    'Die Ressource unterstützt diese Methode nicht. Der Allow-Header nennt die möglichen.',
  ],
  identifier_taken: ['Schon vergeben', 'Ein Konto mit dieser Angabe gibt es schon.'],
  body_too_large: ['Inhalt zu groß', 'Der Inhalt darf höchstens 16.384 Bytes haben.'],
  unsupported_media_type: [
    'Nicht unterstützter Medientyp',
    'Der Inhalt muss application/json sein, ohne Content-Encoding.',
  ],
  invalid_request: [
    'Ungültige Anfrage',
    'Mindestens ein Feld fehlt, ist unbekannt oder ungültig; „errors“ nennt sie.',
  ],
  weak_password: [
    'Schwaches Passwort',
    'Das Passwort erfüllt die Anforderungen nicht. „reasons“ nennt den Grund.',
  ],
  too_many_registrations: [
    'Zu viele Registrierungen',
    'Von dieser Adresse kamen zu viele Registrierungen. Retry-After sagt, wann es wieder geht.',
  ],
  too_many_login_failures: [
    'Zu viele Fehlversuche',
    'Von dieser Adresse kamen zu viele fehlgeschlagene Anmeldungen. Retry-After sagt, wann es wieder geht.',
  ],
  too_many_client_failures: [
    'Zu viele Fehlversuche des Clients',
    'Von dieser Adresse hat sich ein Client zu oft falsch ausgewiesen. Retry-After sagt, wann es wieder geht.',
  ],
  bad_gateway: ['Gateway-Fehler', 'Der Server hinter dem Gateway ist nicht erreichbar.'],
  gateway_timeout: ['Zeitüberschreitung', 'Der Server hinter dem Gateway hat nicht rechtzeitig geantwortet.'],
  challenge_unavailable: [
    'Sicherheitsprüfung nicht verfügbar',
    'Die Sicherheitsprüfung ist zurzeit nicht verfügbar. Versuchen Sie es in Kürze noch einmal.',
  ],
  misconfigured: [
    'Dienst falsch konfiguriert',
    'Eine Einstellung oder ein Geheimnis des Dienstes fehlt oder ist ungültig. Das Protokoll nennt die Ursache.',
  ],
  unavailable: [
    'Dienst nicht verfügbar',
    'Ein Teil des Dienstes ist zurzeit nicht verfügbar. Versuchen Sie es in Kürze noch einmal.',
  ],
  internal: [
    'Interner Fehler',
    'Ein unerwarteter Fehler ist aufgetreten. Die Anfrage-ID hilft, die Ursache zu finden.',
  ],
}

/** German. */
import type { Messages } from './messages.ts'

export const de: Messages<'one'> = {
  language: 'de',
  sentenceSeparator: ' ',
  logIn: 'Anmelden',
  register: 'Konto erstellen',
  logOut: 'Abmelden',
  accountTitle: 'Ihr Konto',
  noAccount: 'Noch kein Konto?',
  haveAccount: 'Haben Sie schon ein Konto?',
  identifier: 'Benutzername, E-Mail-Adresse oder Telefonnummer',
  identifierHint: 'Eine Telefonnummer beginnt mit + und der Ländervorwahl.',
  password: 'Passwort',
  currentPassword: 'Aktuelles Passwort',
  newPassword: 'Neues Passwort',
  passwordHint: 'Mindestens {minLength} Zeichen. Ein kurzer Satz eignet sich gut.',
  showPassword: 'Passwort anzeigen',
  hidePassword: 'Passwort verbergen',
  fieldRequired: 'Füllen Sie dieses Feld aus.',
  identifierLabels: { username: 'Benutzername', email: 'E-Mail-Adresse', phone: 'Telefonnummer' },
  invalidIdentifier: {
    username:
      'Ein Benutzername hat 3 bis 32 Buchstaben, Ziffern, Punkte, Unter- oder Bindestriche, davon mindestens einen Buchstaben, und keine unsichtbaren Zeichen.',
    email: 'Geben Sie eine E-Mail-Adresse wie name@example.com ein.',
    phone: 'Geben Sie eine Telefonnummer mit + und Ländervorwahl ein, etwa +4930123456.',
  },
  invalidDigits:
    'Ein Benutzername braucht einen Buchstaben. Eine Telefonnummer beginnt mit + und der Ländervorwahl, etwa +4930123456.',
  usernameReserved: 'Dieser Benutzername ist reserviert. Wählen Sie einen anderen.',
  incorrectPassword: 'Falsches Passwort.',
  identifierTaken: {
    username: 'Dieser Benutzername ist vergeben.',
    email: 'Mit dieser E-Mail-Adresse gibt es schon ein Konto.',
    phone: 'Mit dieser Telefonnummer gibt es schon ein Konto.',
  },
  identifierRequired: 'Behalten Sie mindestens Benutzername, E-Mail-Adresse oder Telefonnummer.',
  weakPasswordReasons: {
    too_short: 'Das Passwort ist zu kurz.',
    too_long: 'Das Passwort ist zu lang.',
    too_simple:
      'Das Passwort ist zu einfach: Es wiederholt sich oder folgt dem Alphabet, den Ziffern oder der Tastatur.',
    common: 'Dieses Passwort ist zu verbreitet.',
    contains_identifier: 'Das Passwort enthält Ihren Benutzernamen, Ihre E-Mail-Adresse oder Telefonnummer.',
  },
  profile: 'Profil',
  profileHint: 'Sie können sich mit jeder dieser Angaben anmelden.',
  save: 'Speichern',
  changePassword: 'Passwort ändern',
  changePasswordHint: 'Sie werden auf allen anderen Geräten abgemeldet.',
  sessions: 'Hier sind Sie angemeldet',
  currentSession: 'Dieses Gerät',
  unknownBrowser: 'Unbekannter Browser',
  browserOn: '{browser}, {system}',
  lastUsed: 'Zuletzt verwendet',
  loggedInSince: 'Angemeldet seit',
  endSession: 'Abmelden',
  endSessionOf: '{browser} abmelden',
  endAllSessions: 'Auf allen Geräten abmelden, auch auf diesem',
  endOtherSessions: 'Auf allen anderen Geräten abmelden',
  passwordRequired:
    'Sie haben sich vor mehr als 15 Minuten angemeldet. Geben Sie Ihr Passwort ein, um ein Gerät abzumelden.',
  location: '{city}, {country}',
  deleteAccount: 'Konto löschen',
  openDeletion: 'Mein Konto löschen…',
  deleteHint: 'Ihr Konto wird endgültig gelöscht, und Sie werden auf allen Geräten abgemeldet.',
  challenge: 'Sicherheitsprüfung',
  challengeNeedsScript:
    'Eine Sicherheitsprüfung ist nötig, und sie braucht JavaScript. Erlauben Sie JavaScript für diese Seite, oder versuchen Sie es später noch einmal.',
  challengeNotLoaded: 'Die Sicherheitsprüfung konnte nicht geladen werden. Laden Sie die Seite neu.',
  challengePending: 'Bitte warten Sie. Die Sicherheitsprüfung läuft noch.',
  loggedInAs: 'Sie sind als {name} angemeldet.',
  accountSwitched: 'Sie sind jetzt als {name} angemeldet. Nichts wurde geändert.',
  continueTo: 'Weiter zu {host}',
  useOtherAccount: 'Anderes Konto verwenden',
  tryAgainIn: {
    one: 'Versuchen Sie es in einer Minute noch einmal.',
    other: 'Versuchen Sie es in {count} Minuten noch einmal.',
  },
  goToAccount: 'Zu Ihrem Konto',
  errorCode: 'Code',
  errorCause: 'Ursache',
  errorRemedy: 'Abhilfe',
  httpStatus: 'HTTP-Status',
  requestId: 'Anfrage-ID',
  correctFields: 'Korrigieren Sie die Felder unten.',
  cookiesBlocked:
    'Ihr Browser blockiert Cookies dieser Website, deshalb können Sie nicht angemeldet bleiben. Erlauben Sie Cookies für diese Website, und melden Sie sich noch einmal an.',
  changeIncomplete:
    'Ihre Änderung ist gespeichert, aber der Dienst konnte nicht alle Schritte abschließen. Laden Sie die Seite in Kürze neu.',
  notices: {
    registered: 'Ihr Konto ist erstellt. Melden Sie sich an.',
    profile: 'Ihr Profil ist gespeichert.',
    password: 'Ihr Passwort ist geändert. Alle anderen Geräte sind abgemeldet.',
    session: 'Das Gerät ist abgemeldet.',
    other_sessions: 'Alle anderen Geräte sind abgemeldet.',
    sessions: 'Sie sind auf allen Geräten abgemeldet.',
    logged_out: 'Sie sind abgemeldet.',
    ended: 'Sie wurden abgemeldet. Melden Sie sich an, um fortzufahren. Nichts wurde gespeichert.',
    deleted: 'Ihr Konto ist gelöscht.',
  },
  errors: {
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
    gateway_timeout: [
      'Zeitüberschreitung',
      'Der Server hinter dem Gateway hat nicht rechtzeitig geantwortet.',
    ],
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
  },
  formErrorTexts: {
    invalid_credentials: 'Falscher Benutzername oder falsches Passwort.',
    challenge_required:
      'Es gab mehrere Fehlversuche. Geben Sie Ihr Passwort noch einmal ein, und lösen Sie die Sicherheitsprüfung unten.',
    challenge_failed:
      'Die Sicherheitsprüfung ist fehlgeschlagen. Geben Sie Ihr Passwort noch einmal ein, und lösen Sie die neue Prüfung unten.',
    unavailable: 'Der Dienst ist zurzeit nicht verfügbar. Versuchen Sie es in Kürze noch einmal.',
    origin_not_allowed:
      'Das Formular wurde nicht von dieser Seite gesendet. Laden Sie die Seite neu, und senden Sie es noch einmal.',
    body_too_large: 'Das Formular ist zu groß.',
    registration_not_allowed: 'Die Registrierung ist nur auf Einladung möglich.',
    too_many_registrations: 'Aus Ihrem Netzwerk wurden zu viele Konten erstellt.',
    too_many_login_failures: 'Aus Ihrem Netzwerk kamen zu viele fehlgeschlagene Anmeldungen.',
  },
}

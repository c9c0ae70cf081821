"""What the demo's badges and achievements are called in German: external id → name, description."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.demo.entities import Achievement, Badge

GERMAN = {
    "badge-first-launch": ("Erster Start", "Hat an der Akademie ein erstes Lab gestartet."),
    "badge-busy-day": ("Dreierpack", "Hat an einem Tag drei Labs gestartet."),
    "badge-hundred-points": ("Auf dem Weg", "Hat 100 Punkte gesammelt."),
    "badge-five-hundred-points": ("Mit Auszeichnung", "Hat 500 Punkte gesammelt."),
    "badge-cloud-foundations": (
        "Cloud-Grundlagen",
        "Hat „Cloud Foundations“ absolviert oder das Abschluss-Lab dazu: einen Dienst in drei Schichten.",
    ),
    "badge-cloud-engineer": (
        "Cloud-Technik",
        "Hat die vier Cloud-Engineer-Kurse absolviert und die Abschlussprüfung bestanden.",
    ),
    "badge-alert-handler": (
        "Alarmbereit",
        "Hat an der Alarmwarteschlange gearbeitet und sich der Prüfung zum Sicherheitsbetrieb gestellt.",
    ),
    "badge-security-generalist": ("Rundum sicher", "Hat drei Kurse zur Sicherheit absolviert."),
    "badge-security-operations-analyst": (
        "Analyse im Sicherheitsbetrieb",
        "Hat die praktische Prüfung im Sicherheitsbetrieb bestanden.",
    ),
    "badge-security-operations-responder": (
        "Einsatz im Sicherheitsbetrieb",
        "Hat praktische Einsätze absolviert und die praktische Prüfung im Sicherheitsbetrieb bestanden.",
    ),
    "badge-data-pipelines": ("Datenpipelines in der Praxis", "Hat die praktische Prüfung dazu bestanden."),
    "badge-community-mentor": ("Mentorat", "Hat anderen Lernenden mindestens drei Monate lang geholfen."),
    "badge-guest-speaker": ("Gastvortrag", "Hat vor einer Klasse der Akademie vorgetragen."),
    "badge-lab-tester": (
        "Lab-Test",
        "Hat ein neues Lab vor der Veröffentlichung getestet und berichtet, was dabei auffiel.",
    ),
    "badge-cloud-foundations-first-edition": (
        "Cloud-Grundlagen (erste Ausgabe)",
        "Hat die erste Ausgabe von „Cloud Foundations“ absolviert, die nicht mehr unterrichtet wird.",
    ),
    "badge-europe-first-launch": (
        "Willkommen bei Brackenfold Europa",
        "Hat in Europa ein erstes Lab gestartet.",
    ),
    "badge-workshop-attendance": (
        "Workshop-Teilnahme",
        "Hat an einem Workshop der Niederlassung teilgenommen.",
    ),
    "badge-study-circle": ("Lernkreis", "Hat sich eine Saison lang mit einem Lernkreis getroffen."),
    "achievement-first-launch": ("Erster Start", "Starten Sie ein beliebiges Lab."),
    "achievement-security-pair": (
        "Alarmbereit",
        "Starten Sie die Alarmwarteschlange und die Prüfung zum Sicherheitsbetrieb.",
    ),
    "achievement-capstone": ("Drei Schichten", "Absolvieren Sie das Abschluss-Lab von „Cloud Foundations“."),
    "achievement-cloud-foundations": (
        "Cloud-Grundlagen",
        "Absolvieren Sie den Kurs „Cloud Foundations“. Auch Lernende unserer Kunden können das erreichen.",
    ),
    "achievement-security-generalist": (
        "Rundum sicher",
        "Absolvieren Sie drei Kurse mit dem Schlagwort „Security“.",
    ),
    "achievement-cloud-engineer": (
        "Cloud-Technik",
        "Absolvieren Sie die vier Cloud-Engineer-Kurse, und bestehen Sie die Abschlussprüfung.",
    ),
    "achievement-distinguished-learner": ("Mit Auszeichnung", "Sammeln Sie 500 Punkte."),
    "achievement-second-launch": ("Lust auf mehr", "Starten Sie zweimal ein Lab."),
    "achievement-two-labs": ("Umgesehen", "Starten Sie zwei verschiedene Labs."),
    "achievement-hat-trick": ("Dreierpack", "Starten Sie drei Labs an einem Tag."),
    "achievement-exam-taken": (
        "Mut genug",
        "Absolvieren Sie die Prüfung zum Sicherheitsbetrieb, wie auch immer sie ausgeht.",
    ),
    "achievement-data-pipelines": (
        "Datenpipelines in der Praxis",
        "Bestehen Sie die praktische Prüfung zu Datenpipelines.",
    ),
    "achievement-rising-learner": ("Auf dem Weg", "Sammeln Sie 100 Punkte."),
    "achievement-security-exam": (
        "Analyse im Sicherheitsbetrieb",
        "Bestehen Sie die praktische Prüfung im Sicherheitsbetrieb.",
    ),
    "achievement-security-response": (
        "Einsatz im Sicherheitsbetrieb",
        "Absolvieren Sie praktische Einsätze, und bestehen Sie die praktische Prüfung im Sicherheitsbetrieb.",
    ),
    "achievement-first-lesson": ("Erste Lektion", "Schließen Sie Ihre erste Lektion ab."),
    "achievement-first-module": ("Ein Modul geschafft", "Schließen Sie ein ganzes Modul eines Kurses ab."),
    "achievement-whole-course": (
        "Von Anfang bis Ende",
        "Schließen Sie einen ganzen Kurs ab, welcher es auch ist.",
    ),
    "achievement-streak": ("Sieben am Stück", "Lernen Sie an sieben Tagen hintereinander."),
    "achievement-first-post": ("Erster Beitrag", "Veröffentlichen Sie Ihren ersten Beitrag."),
    "achievement-comments": ("Im Gespräch", "Kommentieren Sie zehnmal in Diskussionen."),
    "achievement-helper": ("Helfende Hand", "Helfen Sie drei anderen Lernenden."),
    "achievement-reactions": ("Gut aufgenommen", "Fünf Personen gefällt, was Sie geschrieben haben."),
    "achievement-regular": ("Stammgast", "Seien Sie an 40 Tagen hier."),
    "achievement-europe-first-launch": (
        "Willkommen bei Brackenfold Europa",
        "Starten Sie ein beliebiges Lab.",
    ),
    "achievement-asia-pacific-busy-day": ("Ein guter Tag", "Starten Sie drei Labs an einem Tag."),
    "achievement-profile-picture": ("Bitte lächeln", "Ergänzen Sie ein Profilbild."),
    "achievement-profile-bio": ("In wenigen Worten", "Vervollständigen Sie Ihren Steckbrief."),
    "achievement-profile-links": ("Gut vernetzt", "Ergänzen Sie zwei Links zu sozialen Netzwerken."),
    "achievement-profile-complete": (
        "Schön, Sie kennenzulernen",
        "Vervollständigen Sie Ihr Profil: Bild, Steckbrief und Links.",
    ),
}


def name_in_german(things: Iterable[Badge | Achievement]) -> None:
    for thing in things:
        thing.name_de, thing.description_de = GERMAN.get(thing.external_id, ("", ""))


def in_german(external_id: str) -> dict[str, dict[str, str]]:
    """As it is stored; nothing for what has no German name."""
    if external_id not in GERMAN:
        return {}
    name, description = GERMAN[external_id]
    return {"de": {"name": name, "description": description}}

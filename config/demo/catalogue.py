"""The organizations of the demo and what they teach. Labs and courses stand in order of popularity.

The numbers in LAB_IDS, COURSE_IDS and TAG_IDS are those that the documented condition examples name.
"""

from __future__ import annotations

from config.demo.entities import Course, CourseTag, Lab, Organization

ACADEMY = Organization(external_id="org-brackenfold", name="Brackenfold Academy", time_zone="America/Chicago")
EUROPE = Organization(
    external_id="org-brackenfold-europe",
    name="Brackenfold Europe",
    parent=ACADEMY,
    time_zone="Europe/Berlin",
)
ASIA_PACIFIC = Organization(
    external_id="org-brackenfold-asia-pacific",
    name="Brackenfold Asia Pacific",
    parent=ACADEMY,
    time_zone="Asia/Singapore",
)
# A customer: achievements are on, and only a course that is open to outside organizations reaches it.
OUTSIDE = Organization(
    external_id="org-saltmere",
    name="Saltmere Consulting",
    time_zone="Europe/London",
    participate_in_global_achievements=False,
)
ORGANIZATIONS = (ACADEMY, EUROPE, ASIA_PACIFIC, OUTSIDE)

TAG_IDS = {"security": 59}
LAB_IDS = {
    "workstation-evidence": 11223,
    "compromised-account": 11224,
    "security-operations-exam": 12345,
    "data-pipelines-exam": 13578,
    "alert-queue": 23456,
    "cloud-engineer-exam": 54671,
    "foundations-capstone": 98765,
}
COURSE_IDS = {
    "cloud-engineer-1": 1583,
    "cloud-engineer-2": 1584,
    "cloud-engineer-3": 1585,
    "cloud-engineer-4": 1586,
    "cloud-foundations": 2345,
}

TAGS = {
    key: CourseTag(id=TAG_IDS.get(key), external_id=f"tag-{key}", name=name, organization=ACADEMY)
    for key, name in (
        ("foundations", "Foundations"),
        ("advanced", "Advanced"),
        ("cloud", "Cloud"),
        ("security", "Security"),
        ("networking", "Networking"),
        ("data", "Data"),
        ("automation", "Automation"),
        ("development", "Development"),
        ("operations", "Operations"),
        ("compliance", "Compliance"),
        ("exam-preparation", "Exam preparation"),
        ("new-this-year", "New this year"),
    )
}


def _labs(organization: Organization, *rows: tuple[str, str, int]) -> dict[str, Lab]:
    return {
        key: Lab(
            id=LAB_IDS.get(key),
            external_id=f"lab-{key}",
            name=name,
            organization=organization,
            is_exam=key.endswith("-exam"),
            typical_minutes=minutes,
        )
        for key, name, minutes in rows
    }


LABS = {
    **_labs(
        ACADEMY,
        ("console-tour", "A tour of the cloud console", 25),
        ("first-virtual-network", "Your first virtual network", 40),
        ("foundations-capstone", "Capstone: a service in three tiers", 60),
        ("alert-queue", "Triage a queue of alerts", 45),
        ("first-script", "Let a script do it", 30),
        ("query-basics", "Ask a database your first questions", 35),
        ("virtual-machines", "Virtual machines that survive a restart", 45),
        ("phishing-analysis", "Take a phishing message apart", 35),
        ("workstation-evidence", "Collect evidence from a workstation", 50),
        ("compromised-account", "Contain a compromised account", 45),
        ("security-operations-exam", "Security operations: practical exam", 90),
        ("loops-and-files", "A thousand files, one loop", 35),
        ("joins", "Bring two tables together", 40),
        ("object-storage", "Keep objects cheap and safe", 35),
        ("private-network", "Build a private network", 50),
        ("identity-roles", "Grant the least that works", 40),
        ("container-basics", "Pack an application into a container", 40),
        ("secure-login", "Add a second factor to a sign-in page", 40),
        ("injection-defence", "Close an injection hole", 45),
        ("secrets-handling", "Where secrets live", 35),
        ("automated-rollout", "Roll out a change without downtime", 55),
        ("backup-restore", "A backup is a restore that worked", 50),
        ("fleet-operations", "Operate a hundred machines", 60),
        ("cost-review", "Find what nobody uses", 30),
        ("cloud-engineer-exam", "Cloud engineer: final exam", 120),
        ("name-resolution", "Why does this name not resolve?", 30),
        ("packet-capture", "Read a packet capture", 50),
        ("ransomware-tabletop", "Ransomware on a Friday evening", 60),
        ("ingest-pipeline", "Ingest a million rows", 50),
        ("data-quality", "Rows that should not be there", 40),
        ("data-pipelines-exam", "Data pipelines: practical exam", 90),
        ("image-hardening", "Harden a container image", 45),
        ("pipeline-build", "From commit to build", 45),
        ("pipeline-release", "From build to release", 50),
        ("log-search", "Search logs like a detective", 40),
        ("monitoring-alerts", "Alerts that deserve to wake you", 40),
        ("hunt-hypothesis", "Hunt from a hypothesis", 55),
        ("lateral-movement", "Follow an intruder sideways", 60),
        ("routing-basics", "Teach two networks to talk", 45),
        ("routing-exam", "Network routing: practical exam", 90),
        ("infrastructure-as-code", "A data centre in a text file", 55),
        ("drift-detection", "Detect drift", 40),
        ("cluster-first-deploy", "First deployment to a cluster", 50),
        ("cluster-troubleshooting", "A cluster on a bad day", 70),
        ("dashboards", "One dashboard, one question", 35),
        ("timeline-forensics", "Rebuild the timeline of a break-in", 75),
        ("memory-forensics", "What memory remembers", 80),
        ("network-segmentation", "Divide a network", 55),
        ("stream-processing", "Answers while the data flows", 60),
        ("incident-commander", "Command an incident", 60),
        ("capacity-planning", "Plan for ten times the load", 45),
        ("site-reliability-exam", "Site reliability: practical exam", 90),
        ("threat-model", "Draw a threat model", 50),
        ("secure-coding-exam", "Secure coding: practical exam", 90),
        ("wireless-survey", "Survey a wireless network", 40),
    ),
    **_labs(
        EUROPE,
        ("privacy-mapping", "Map personal data in a system", 35),
        ("data-retention", "Delete on time", 30),
        ("privacy-exam", "Privacy by design: practical exam", 60),
    ),
    **_labs(
        ASIA_PACIFIC,
        ("edge-deployment", "Deploy close to the user", 50),
        ("payment-tokens", "Payments without card numbers", 45),
    ),
}

# (key, name), (organization, content provider, publishing group), tags, labs
_COURSE_ROWS = (
    (
        ("cloud-foundations", "Cloud Foundations"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "cloud foundations",
        "console-tour first-virtual-network foundations-capstone",
    ),
    (
        ("security-operations-essentials", "Security Operations Essentials"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security operations",
        "alert-queue workstation-evidence compromised-account security-operations-exam",
    ),
    (
        ("automation-first-steps", "Automation: First Steps"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "automation foundations",
        "first-script loops-and-files",
    ),
    (
        ("cloud-engineer-1", "Cloud Engineer 1: Compute and Storage"),
        (ACADEMY, "Brackenfold Press", "Cloud engineer"),
        "cloud",
        "virtual-machines object-storage",
    ),
    (
        ("questions-to-a-database", "Questions to a Database"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "data foundations",
        "query-basics joins",
    ),
    (
        ("secure-coding-foundations", "Secure Coding Foundations"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security development foundations",
        "secure-login injection-defence secrets-handling",
    ),
    (
        ("cloud-engineer-2", "Cloud Engineer 2: Networks and Identity"),
        (ACADEMY, "Brackenfold Press", "Cloud engineer"),
        "cloud networking",
        "private-network identity-roles",
    ),
    (
        ("containers-in-practice", "Containers in Practice"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "cloud development",
        "container-basics image-hardening",
    ),
    (
        ("network-troubleshooting", "Network Troubleshooting"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "networking",
        "name-resolution packet-capture",
    ),
    (
        ("incident-response", "Incident Response in Practice"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security operations",
        "phishing-analysis ransomware-tabletop",
    ),
    (
        ("data-pipelines", "Data Pipelines"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "data automation",
        "ingest-pipeline data-quality data-pipelines-exam",
    ),
    (
        ("cloud-engineer-3", "Cloud Engineer 3: Automation and Recovery"),
        (ACADEMY, "Brackenfold Press", "Cloud engineer"),
        "cloud automation",
        "automated-rollout backup-restore",
    ),
    (
        ("identity-and-access", "Identity and Access Design"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security cloud",
        "identity-roles secure-login",
    ),
    (
        ("delivery-pipelines", "Delivery Pipelines"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "automation development",
        "pipeline-build pipeline-release",
    ),
    (
        ("cloud-engineer-4", "Cloud Engineer 4: Operations at Scale"),
        (ACADEMY, "Brackenfold Press", "Cloud engineer"),
        "cloud operations exam-preparation",
        "fleet-operations cost-review cloud-engineer-exam",
    ),
    (
        ("monitoring-that-helps", "Monitoring That Helps"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "operations",
        "monitoring-alerts log-search",
    ),
    (
        ("threat-hunting", "Threat Hunting Workshop"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security advanced",
        "hunt-hypothesis lateral-movement log-search",
    ),
    (
        ("network-routing", "Network Routing"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "networking exam-preparation",
        "routing-basics routing-exam",
    ),
    (
        ("infrastructure-as-code", "Infrastructure as Code"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "automation cloud",
        "infrastructure-as-code drift-detection",
    ),
    (
        ("privacy-by-design", "Privacy by Design"),
        (EUROPE, "Quillhaven Studio", "Europe"),
        "compliance",
        "privacy-mapping data-retention privacy-exam",
    ),
    (
        ("cluster-operations", "Cluster Operations"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "cloud advanced",
        "cluster-first-deploy cluster-troubleshooting",
    ),
    (
        ("dashboards-people-read", "Dashboards People Read"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "data",
        "dashboards",
    ),
    (
        ("digital-forensics", "Digital Forensics"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security advanced",
        "timeline-forensics memory-forensics",
    ),
    (
        ("network-defence", "Network Defence"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security networking",
        "network-segmentation packet-capture",
    ),
    (
        ("edge-services", "Edge Services"),
        (ASIA_PACIFIC, "Brackenfold Press", "Asia Pacific"),
        "cloud new-this-year",
        "edge-deployment",
    ),
    (
        ("streaming-data", "Streaming Data"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "data advanced",
        "stream-processing data-quality",
    ),
    (
        ("site-reliability", "Site Reliability"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "operations advanced exam-preparation",
        "incident-commander capacity-planning site-reliability-exam",
    ),
    (
        ("threat-modelling", "Threat Modelling"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security development",
        "threat-model",
    ),
    (
        ("payment-security", "Payment Security"),
        (ASIA_PACIFIC, "Tidewrack Learning", "Asia Pacific"),
        "compliance",
        "payment-tokens secrets-handling",
    ),
    (
        ("secure-coding-exam-week", "Secure Coding: Exam Week"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "development exam-preparation",
        "injection-defence secure-coding-exam",
    ),
    (
        ("wireless-networks", "Wireless Networks"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "networking",
        "wireless-survey",
    ),
    (
        ("cloud-cost-management", "Cloud Cost Management"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "cloud operations",
        "cost-review capacity-planning",
    ),
    (
        ("zero-trust-design", "Zero Trust Design"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "security advanced",
        "network-segmentation identity-roles",
    ),
    (
        ("backup-and-recovery", "Backup and Recovery"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "operations",
        "backup-restore",
    ),
    (
        ("records-and-retention", "Records and Retention"),
        (EUROPE, "Quillhaven Studio", "Europe"),
        "compliance",
        "data-retention",
    ),
    (
        ("automation-for-operators", "Automation for Operators"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "automation operations",
        "loops-and-files drift-detection",
    ),
    (
        ("cloud-migration", "Cloud Migration"),
        (ACADEMY, "Brackenfold Press", "Academy core"),
        "cloud advanced",
        "virtual-machines automated-rollout",
    ),
    (
        ("data-for-managers", "Data for Managers"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "data new-this-year",
        "dashboards query-basics",
    ),
    (
        ("first-responder-drills", "First Responder Drills"),
        (ACADEMY, "Quillhaven Studio", "Academy core"),
        "operations new-this-year",
        "incident-commander",
    ),
    (
        ("security-exam-clinic", "Security Exam Clinic"),
        (ACADEMY, "Tidewrack Learning", "Security"),
        "exam-preparation new-this-year",
        "alert-queue security-operations-exam",
    ),
)

COURSES = {
    key: Course(
        id=COURSE_IDS.get(key),
        external_id=f"course-{key}",
        name=name,
        organization=organization,
        content_provider=provider,
        publishing_group=group,
        tags=tuple(TAGS[tag] for tag in tags.split()),
        labs=tuple(LABS[lab] for lab in labs.split()),
        achievements_for_outside_organizations=key == "cloud-foundations",
    )
    for (key, name), (organization, provider, group), tags, labs in _COURSE_ROWS
}
CLOUD_FOUNDATIONS = COURSES["cloud-foundations"]
CLOUD_ENGINEER_PATH = tuple(COURSES[f"cloud-engineer-{part}"] for part in (1, 2, 3, 4))

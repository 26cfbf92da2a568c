"""Every address of the workbench, and the page that answers there."""

from __future__ import annotations

from typing import Final

from api.composition import Taizhang
from api.http.addresses import Address
from api.http.authentication import Authentication
from api.http.bodies import Bodies
from api.http.threads import Threads
from api.web import account, audit, changes, entries, findings, lists, policy, records, schemes, search, verification
from api.web.assessments import Assessments
from api.web.audit import Audit
from api.web.changes import Changes
from api.web.corrections import Corrections
from api.web.entries import Entries
from api.web.explanation import Explanation
from api.web.findings import Findings
from api.web.forms import Forms
from api.web.imports import Imports
from api.web.lists import Lists
from api.web.posting import Posting
from api.web.records import Records
from api.web.schemes import Schemes
from api.web.search import Search
from api.web.start import Start
from api.web.uploads import Uploads
from api.web.verification import Verification
from api.web.workbench import Workbench
from domain.records import AGGREGATES

OWN_PAGES: Final = frozenset({"assessments", "schemes"})
"""Kinds of record whose page is more than a record's."""


def routes(taizhang: Taizhang, authentication: Authentication, threads: Threads, bodies: Bodies) -> list[Address]:
    """The addresses, in the order in which they are tried."""
    workbench = Workbench(taizhang, authentication, threads)
    page = workbench.page
    form = Posting(workbench, threads, bodies).form
    forms = Forms(taizhang)
    imports = Imports(taizhang)
    verifying = Verification(taizhang)
    corrections = Corrections(taizhang, forms)
    listed, single, log = Lists(taizhang), Records(taizhang), Entries(taizhang)
    explanation = Explanation(taizhang)
    return [
        page("/", Start(taizhang).page),
        page("/account", account.page),
        page("/record", forms.start),
        form("/record/{kind}", forms.opening, forms.send),
        page("/record/{kind}/{id}", forms.choose),
        form("/record/{kind}/{id}/{event}", forms.event, forms.send),
        form("/correct/{position}", corrections.correct, corrections.send_correction),
        form("/retract/{position}", corrections.retract, corrections.send_retraction),
        page("/receipt/{position}", forms.receipt),
        form("/verify", verifying.page, Uploads(taizhang).take, verification.PARAMETERS),
        page("/checkpoints", verifying.checkpoints),
        page("/audit", Audit(taizhang).page, audit.PARAMETERS),
        form("/import", imports.start, imports.take),
        form("/import/{job}", imports.job, imports.confirm),
        page("/log", log.log, entries.LOG_PARAMETERS),
        page("/log/{position}", log.entry),
        page("/log/{position}/raw", log.raw),
        page("/log/{position}/proof", log.proof),
        page("/search", Search(taizhang).page, search.PARAMETERS),
        page("/policy", policy.page),
        page("/findings", Findings(taizhang, explanation).page, findings.PARAMETERS),
        page("/assessments/{id}", Assessments(taizhang, explanation).page, ("from",)),
        page("/assessments/{id}/changes", Changes(taizhang).page, changes.PARAMETERS),
        page("/schemes/{id}", Schemes(taizhang, single).page, schemes.PARAMETERS),
        *(page(f"/{kind}", listed.of(kind), lists.PARAMETERS) for kind in AGGREGATES),
        *(page(f"/{kind}/{{id}}", single.of(kind), records.PARAMETERS) for kind in AGGREGATES if kind not in OWN_PAGES),
    ]

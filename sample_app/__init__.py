"""A plain Falcon app whose four long operations run as background jobs and are watched live in the browser.

Copy from it. Each operation has a directory of its own: ``notifications``, ``imports``, ``reports``, ``rates``. In
each, ``job.py`` is the job, ``store.py`` its SQL, ``pages.py`` its form. ``web`` is what their pages share.

So have the three things that are pushed besides: ``bell`` (notices, counted in every page's header), ``comments``
(which appear as they are written) and ``pads`` (texts that several people write at once). ``visitors`` says who is who.

    python -m sample_app                 the web app
    python -m sample_app.smtp_sink       the mail server that ``notifications`` sends to
    python -m sample_app.slow_api        the slow third party that ``rates`` asks
    queueapi-work sample_app.jobs -q default -q mail -q uploads
"""

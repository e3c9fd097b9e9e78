from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names each file by what is in it, and scripts name those that they import so too.

    A browser that keeps files for a year would go on with an imported script of the release before.
    """

    support_js_module_import_aggregation = True

"""The demo's identity provider. It answers as TAXISnet and as a provider of OpenID Connect do, so that the demo signs
people in by the same code as an installation does. Whoever comes may be anybody, so outside the demo it does not exist.
"""

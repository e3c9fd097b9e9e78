"""The log: one line for each request, each task, and each thing that goes wrong or matters for security.

No line has a name, an address, a telephone number or a key of a citizen. Addresses of pages hold such keys, so a request is
told by its route (`appointments/<reference>/`), and texts of libraries and of errors lose what could be personal.
"""

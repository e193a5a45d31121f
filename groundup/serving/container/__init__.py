"""A model as a folder that an engine makes a container of: the program as a wheel, the model, and the files of orders around them.

`writing` puts the folder together, `program` makes the wheel and says what the server needs of others; the templates beside
them are the Dockerfile, compose.yaml with Prometheus, the manifest for Kubernetes and a README of commands.
"""

"""Consensus: how yes, unsure and no votes become decisions.

Pure arithmetic over numpy arrays. It knows neither Django nor a database, so it runs on its own, over a file of votes as
well as over the service's tables. The words of the literature are used here and only here: a worker is an annotator, an
item or task is a question.

`model` holds the parameters of the pooled crowd (every worker answers by one shared table), `estimate` turns votes into
log-odds, `decide` turns log-odds into decisions and into the number of votes still worth asking for.
"""

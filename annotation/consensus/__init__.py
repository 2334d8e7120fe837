"""Consensus: how yes, unsure and no votes become decisions, and how many votes that takes.

Pure arithmetic over numpy arrays. It knows neither Django nor a database, so it runs on its own, over a file of votes
(`python -m annotation.consensus.replay`) as well as over the service's tables. The words of the literature are used here and
only here: a worker is an annotator, an item or task is a question.

Read in this order: `votes` (the arrays), `model` (states, meanings, tables), `kernel`, `leaps` and `fit` (learning from votes), `sampling` (where to begin with very many),
`strengths`, `correlation` and `start` (how much the crowd says of a worker, how far errors go together, where a fit begins), `belief` (votes to probabilities), `decide`
and `sequence` (when to stop), `leaveout`, `goldreplay` and `calibrate` (what gold says of it), `learn` (the whole procedure). `priors`,
`synsets` and `workers` stand beside; `baselines` are older rules; `metrics` and `agreement` measure; `rows`, `files`, `labels`, `stored`
and `replay*` are the command.
"""

"""Many trainings that answer one question: which settings learn best (`search`), what a larger model would reach (`scaling`).

Every training is a run folder of its own, made by the train stage, so that a killed experiment goes on where it stopped.
"""

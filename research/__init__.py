"""The laboratory: our own experiments, from the table of rows to the page with the numbers; not installed.

What is run:      experiments*.yaml     the rows, and the corpus they run on; ``table`` reads them
                  ``runs``              each row and seed with its training YAML and directory
                  ``commands``          what a run does, command by command
                  ``runner``            runs side by side
What is measured: ``screening``         couplings under options that nothing was trained with
                  ``context_probe``     how much of the teacher's context the encoder knows
                  ``measures``          means of these
What is kept:     ``kept``              collects it when a run has ended; ``epochs`` from ESPnet's log
                  ``kept_files``        reads and writes results/PROTOCOL
What is told:     ``rows``              kept runs as rows: error rates, margins, homophones, costs
                  ``homophones``        substitutions by sound
                  ``page``              the page; sections: ``knowledge_share``, ``training_start``,
                                        ``shorter_training``
                  ``figures``           its pictures
``bin``           the commands: run_experiments, experiments_page, and those that a run calls
"""

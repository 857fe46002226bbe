"""Page to score: pictures and PDF documents of a score in, notation that can be edited and heard out.

``from omr.reading import read`` reads pages to a ``Reading`` (score, MusicXML, probabilities of the bars), ``omr.page_files``
writes what was read to files, and ``partimento read`` does both. Nothing is loaded here.
"""

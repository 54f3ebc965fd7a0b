"""Labels of posts by annotators: what is asked, of whom, of which posts, and how well they answer."""

from barograph.annotate.annotation import Annotation, Annotator, Item

__all__ = ["Annotation", "Annotator", "Item"]

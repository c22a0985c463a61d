"""What do customers see? Views, answers, forms, page cache, contact."""

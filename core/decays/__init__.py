"""Rules of weight decay: how hard each user and item is held back, by how often it is in the training part."""

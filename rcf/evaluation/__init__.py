"""The exact metric of YouTube-VIS, on stock pycocotools."""

import torch
from small_bert.start_vectors import neighbour_vectors, position_vectors


def test_same_neighbours_same_vector():
    # 5 and 6 both stand between 7 and 8; 9 stands alone between 10 and 11.
    sequences = [torch.tensor([2, *middle, 3]) for middle in ([7, 5, 8], [7, 6, 8], [10, 9, 11])] * 5
    vectors = neighbour_vectors(sequences, 12, 12, norm=0.7)
    torch.testing.assert_close(vectors[5], vectors[6], atol=1e-4, rtol=0)
    assert abs(vectors[5] @ vectors[9]) < 0.05 * 0.7**2
    torch.testing.assert_close(vectors[5:].norm(dim=1), torch.full((7,), 0.7))


def test_special_tokens_have_no_neighbours():
    vectors = neighbour_vectors([torch.tensor([2, 5, 6, 1, 7, 8, 3])] * 3, 9, 4, 1.0)
    assert vectors[:5].abs().max() < 1e-6
    torch.testing.assert_close(vectors[5:].norm(dim=1), torch.ones(4))


def test_dot_product_of_positions_depends_on_their_distance_alone():
    vectors = position_vectors(20, 8, scale=0.5)
    products = vectors @ vectors.T  # (20, 20)
    for distance in range(5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    torch.testing.assert_close(products[0, 0].item(), 4 * 0.5**2)

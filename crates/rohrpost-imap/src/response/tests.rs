use super::*;

fn data(data: &Data) -> String {
    let mut out = Vec::new();
    data.print(&mut out, Wire::default());
    String::from_utf8(out).unwrap()
}

/// The examples of RFC 5256 §4.
#[test]
fn threads_print_with_the_fewest_parentheses() {
    let node = |depth, number| ThreadNode { depth, number: Some(number) };
    let nodes = [(0, 2), (0, 3), (1, 6), (2, 4), (3, 23), (2, 44), (3, 7), (4, 96)].map(|(d, n)| node(d, n));
    assert_eq!(data(&Data::Thread(nodes.into())), "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n");
    let gone = [ThreadNode { depth: 0, number: None }, node(1, 3), node(1, 5)];
    assert_eq!(data(&Data::Thread(gone.into())), "* THREAD ((3)(5))\r\n");
    assert_eq!(data(&Data::Thread(Vec::new())), "* THREAD\r\n");
}

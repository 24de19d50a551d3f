%% What OTP's crypto can do, as far as every build of it can, and TLS between processes of one node.
-module(std_crypto).
-export([main/0]).
main() ->
    {ok, _} = application:ensure_all_started(ssl),
    Has = fun(What, Names) -> Names -- crypto:supports(What) end,
    [{missing, Has(hashs, [sha, sha224, sha256, sha384, sha512, sha3_256, blake2b]),
      Has(ciphers, [aes_128_cbc, aes_256_cbc, aes_128_gcm, aes_256_gcm, aes_128_ctr, aes_256_ccm, chacha20_poly1305, aes_cbc, aes_gcm]),
      Has(macs, [hmac, cmac, poly1305]), Has(curves, [secp256r1, x25519]), Has(public_keys, [rsa, ecdsa, ecdh, eddsa])},
     {hash, crypto:hash(sha256, "a"), crypto:mac(hmac, sha, "key", "data"), crypto:mac(poly1305, binary:copy(<<1>>, 32), "data")},
     {cipher, crypto:crypto_one_time(aes_128_cbc, binary:copy(<<1>>, 16), binary:copy(<<2>>, 16), binary:copy(<<3>>, 32), true),
      crypto:crypto_one_time_aead(chacha20_poly1305, binary:copy(<<1>>, 32), binary:copy(<<2>>, 12), "secret", "more", true)},
     {info, maps:get(size, crypto:hash_info(sha384)), maps:get(key_length, crypto:cipher_info(aes_256_gcm))}
     | [tls(V) || V <- ['tlsv1.2', 'tlsv1.3']]].

tls(Version) ->
    Key = {namedCurve, secp256r1},
    #{server_config := Server, client_config := Client} =
        public_key:pkix_test_data(#{server_chain => #{root => [{key, Key}], intermediates => [], peer => [{key, Key}]},
                                    client_chain => #{root => [{key, Key}], intermediates => [], peer => [{key, Key}]}}),
    {ok, L} = ssl:listen(0, [{versions, [Version]}, {verify, verify_peer}, {fail_if_no_peer_cert, true}, {active, false}, binary | Server]),
    {ok, {_, Port}} = ssl:sockname(L),
    Main = self(),
    Pid = spawn_link(fun() ->
        {ok, S0} = ssl:transport_accept(L),
        {ok, S} = ssl:handshake(S0),
        {ok, Got} = ssl:recv(S, 5),
        ok = ssl:send(S, [binary:copy(Got, 10000)]),
        Main ! {self(), Got},
        receive after infinity -> ok end
    end),
    {ok, S} = ssl:connect("localhost", Port, [{versions, [Version]}, {verify, verify_peer}, {server_name_indication, disable}, {active, false}, binary | Client]),
    ok = ssl:send(S, "hello"),
    Got = receive {Pid, G} -> G end,
    {ok, Back} = ssl:recv(S, 50000, 5000),
    {ok, [{protocol, Protocol}]} = ssl:connection_information(S, [protocol]),
    ssl:close(S),
    unlink(Pid),
    exit(Pid, kill),
    ssl:close(L),
    {Protocol, Got, Back =:= binary:copy(<<"hello">>, 10000)}.

<?php
// Ask how a call stands.
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$email = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$developer_key = getenv('CALLWRIGHT_KEY') ?: '';
$call_id = getenv('CALL_ID') ?: '1';
$accept = getenv('ACCEPT') ?: 'application/json';

$ch = curl_init();
curl_setopt($ch, CURLOPT_USERPWD, $email.':'.$developer_key);
curl_setopt($ch, CURLOPT_URL, $server.'/api/outbound/'.$call_id);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: ".$accept));
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
